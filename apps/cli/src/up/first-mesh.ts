/** The mesh `up` offers: one of this broker's that the user is in, else a new one named `home`; and one open invite into it. */
import { MeshError } from '@claudemesh/protocol/errors'
import { z } from 'zod'
import { inviteList, inviteReply } from '../api/mesh-schema.ts'
import { type MeshInfo, meshInfo } from '../api/schema.ts'
import type { Cli } from '../output/cli.ts'
import type { UpState } from './up-state.ts'
import { userName } from './user-name.ts'

const FIRST_NAME = 'home'
/** How long a daemon that was already running may take to find the broker again. */
const ONLINE_MS = 30_000
const LOOK_MS = 100

type Ask = Cli['ask']

/** Founds it where there is none. `broker` is the URL people are given. */
export async function firstMesh(ask: Ask, broker: string, token: string | null): Promise<MeshInfo> {
  const port = new URL(broker).port
  const here = (await ask('meshes', z.array(meshInfo))).filter(
    mesh => mesh.state !== 'removed' && isThisBroker(mesh.broker, new URL(broker).hostname, port),
  )
  const found = here.find(mesh => mesh.name === FIRST_NAME) ?? here[0]
  return (
    found ??
    (await ask('createMesh', meshInfo, {
      body: { name: FIRST_NAME, broker, memberName: userName(), token: token ?? undefined },
    }))
  )
}

/** The mesh, whose roster names the broker by the address that other machines dial; who may not write that is told. */
export async function knownAs(
  ask: Ask,
  mesh: MeshInfo,
  broker: string,
  note: (line: string) => void,
): Promise<MeshInfo> {
  if (new URL(mesh.broker).host === new URL(broker).host) return mesh
  try {
    return await whenOnline(() =>
      ask('moveBroker', meshInfo, { params: { mesh: mesh.id }, body: { broker } }),
    )
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'forbidden') throw error
    note(
      `the mesh ${mesh.name} knows its broker as ${mesh.broker} alone; an owner can change that: claudemesh mesh move ${broker}`,
    )
    return mesh
  }
}

function isThisBroker(url: string, host: string, port: string): boolean {
  const { hostname, port: theirs } = new URL(url.includes('://') ? url : `http://${url}`)
  return theirs === port && [host, '127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}

/**
 * A new invite for one; the one of the start before is revoked if nobody used it: its link stands nowhere any more.
 * `undefined` where this user may not invite.
 */
export async function freshInvite(
  ask: Ask,
  mesh: MeshInfo,
  before: UpState['invite'],
): Promise<{ link: string; id: string } | undefined> {
  try {
    if (before !== null && before.mesh === mesh.id) {
      const invites = await whenOnline(() => ask('invites', inviteList, { query: { mesh: mesh.id } }))
      const old = invites.find(invite => invite.id === before.id)
      if (old?.state === 'open' && old.used === 0)
        await whenOnline(() =>
          ask('revokeInvite', z.unknown(), { params: { id: old.id }, query: { mesh: mesh.id } }),
        )
    }
    return await whenOnline(() => ask('createInvite', inviteReply, { body: { mesh: mesh.id } }))
  } catch (error) {
    if (error instanceof MeshError && error.code === 'forbidden') return undefined
    throw error
  }
}

/** A daemon that has just started, or just lost its broker, may not be connected yet. */
async function whenOnline<T>(call: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + ONLINE_MS; ; await Bun.sleep(LOOK_MS))
    try {
      return await call()
    } catch (error) {
      const passing =
        error instanceof MeshError && ['unreachable', 'unavailable', 'draining'].includes(error.code)
      if (!passing || Date.now() > end) throw error
    }
}
