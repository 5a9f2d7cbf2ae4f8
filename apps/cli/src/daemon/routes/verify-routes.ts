/** Comparing keys with a peer: the number to read out, and a person's word that it was the same at the other end. */
import { safetyNumber } from '@claudemesh/crypto/sealing'
import { toBase64url } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import { chooseOne } from '../choose-one.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, userOnly } from '../http.ts'
import type { OpenMesh } from '../meshes.ts'
import { confirmedKeysOf } from '../store/confirmed-keys.ts'
import { standings } from '../verification.ts'
import { whoIn } from '../who.ts'

export function verifyRoutes(daemon: Daemon): Hono<Env> {
  /** A model may not vouch for anybody: all of this is the user's. */
  const meant = (call: Call) => {
    userOnly(call)
    const mesh = daemon.meshes.find(asked(call, 'mesh'))
    return { mesh, keys: confirmedKeysOf(mesh.store.scope), named: call.req.param('peer') ?? '' }
  }
  return new Hono<Env>()
    .get(ROUTES.safetyNumber[1], call => {
      const { mesh, named } = meant(call)
      return call.json(shown(daemon, mesh, onePeer(named, present(mesh)).member))
    })
    .post(ROUTES.confirmKey[1], call => {
      const { mesh, keys, named } = meant(call)
      const { member, name } = onePeer(named, present(mesh))
      keys.put({ member, name, at: daemon.now() })
      daemon.log('key.confirmed', { mesh: mesh.id, member })
      return call.json(shown(daemon, mesh, member))
    })
    .delete(ROUTES.forgetKey[1], call => {
      const { mesh, keys, named } = meant(call)
      const here = present(mesh)
      const gone = [...keys.all().values()].filter(key => !here.some(each => each.member === key.member))
      const { member } = onePeer(
        named,
        [...here, ...gone].filter(each => keys.all().has(each.member)),
      )
      keys.remove(member)
      daemon.log('key.forgotten', { mesh: mesh.id, member })
      return call.json({})
    })
}

interface Peer {
  /** Base64url. */
  readonly member: string
  readonly name: string
}

function present({ client }: OpenMesh): Peer[] {
  const others = client.members().filter(member => !member.self)
  return others.map(({ key, name }) => ({ member: toBase64url(key), name }))
}

/** Throws `not-found`, `ambiguous`. */
function onePeer(named: string, among: readonly Peer[]): Peer {
  const person = named.split('/')[0]!.normalize('NFC')
  const fits = among.filter(
    ({ member, name }) => name === person || (named.length >= 6 && member.startsWith(named)),
  )
  return chooseOne(fits, among, ({ member, name }) => `${name} (${member.slice(0, 12)})`, {
    field: 'peer',
    none: `There is nobody called ${person} whose key could be compared.`,
    many: `Several are called ${person}: name one by the key.`,
  })
}

function shown(daemon: Daemon, mesh: OpenMesh, member: string) {
  const who = whoIn(mesh, daemon.sessions)
  const { key, name } = who.members.find(each => toBase64url(each.key) === member)!
  const view = mesh.client.view()
  const number = safetyNumber({ mesh: view.mesh, mine: view.member, theirs: key })
  const confirmedAt = who.confirmed.get(member)?.at ?? null
  return { mesh: view.name, name, member, ...number, ...standings(who)(key), confirmedAt }
}
