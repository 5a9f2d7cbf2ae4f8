/** Founds a mesh on the broker and attaches senders and recipients to it, with real signatures, each on its own socket. */
import {
  generateSigner,
  rosterEntryHash,
  type Signer,
  signCertificate,
  signPrekey,
  signPresence,
  signRosterEntry,
} from '@claudemesh/crypto'
import { type Recipient, type RosterEntry, SIZES, TIMES, uuid } from '@claudemesh/protocol'
import type { Command, MeshPlace } from './commands.ts'
import { sendItem } from './envelope-bytes.ts'
import { LightClient, type Papers } from './light-client.ts'

/** A sender and the one recipient it writes to. */
export interface Pair {
  readonly sender: LightClient
  readonly receiver: LightClient
  readonly recipient: Recipient
  readonly attachment: number
  /** What the sender sends, over and over under new ids. */
  readonly item: Uint8Array
  /** Highest seq the receiver got. */
  lastSeq: number
}

const random = (size: number) => crypto.getRandomValues(new Uint8Array(size))
const bundle = () => ({ x25519: random(SIZES.key), xwing: random(SIZES.xwingPublic) })

/** A session that is attached on a socket of its own. */
export interface Seat {
  readonly client: LightClient
  readonly recipient: Recipient
  readonly attachment: number
}

/** One mesh with one member whose sessions are all senders and recipients. What is sealed is random: the broker cannot tell. */
export async function joinMesh({ port, pairs }: Extract<Command, { do: 'join' }>): Promise<Pair[]> {
  const { mesh, seat } = await foundMesh(port)
  const list: Pair[] = []
  while (list.length < pairs) {
    const from = await seat()
    const to = await seat()
    list.push({
      sender: from.client,
      receiver: to.client,
      recipient: to.recipient,
      attachment: to.attachment,
      item: sendItem(mesh, from.recipient, [to.recipient]),
      lastSeq: 0,
    })
  }
  return list
}

export interface FoundMesh {
  readonly mesh: Uint8Array
  readonly place: MeshPlace
  /** Opens a socket of the one member. */
  enter(): Promise<LightClient>
  /** Another session of that member, not attached yet. */
  session(): Papers
  /** Attaches another session on a socket of its own. */
  seat(): Promise<Seat>
}

/** Founds a mesh on the broker. */
export async function foundMesh(port: number): Promise<FoundMesh> {
  const host = `127.0.0.1:${port}`
  const member = generateSigner()
  const founder = await LightClient.dial(host)
  const entries = foundingEntries(member, founder.brokerKey, host)
  const mesh = rosterEntryHash(entries[0])
  await founder.hello(mesh, member, entries)
  return meshAt({ port, mesh, head: rosterEntryHash(entries[1]), member })
}

/** A mesh that was founded, here or in another process. */
export function meshAt(place: MeshPlace): FoundMesh {
  const { port, mesh, head, member } = place
  const enter = async () => {
    const client = await LightClient.dial(`127.0.0.1:${port}`)
    await client.hello(mesh, member)
    return client
  }
  const session = () => papersOf(mesh, head, member)
  const seat = async () => {
    const client = await enter()
    const papers = session()
    const { attachment } = await client.attach(papers)
    return { client, attachment, recipient: papers.recipient }
  }
  return { mesh, place, enter, session, seat }
}

function foundingEntries(owner: Signer, brokerKey: Uint8Array, host: string): [RosterEntry, RosterEntry] {
  const at = Date.now()
  const author = owner.publicKey
  const names = { meshName: random(SIZES.sealedName), name: random(SIZES.sealedName) }
  const genesis = signRosterEntry<'genesis'>(
    {
      mesh: null,
      seq: 0,
      prev: null,
      at,
      author,
      kind: 'genesis',
      body: { random: random(32), bundle: bundle(), ...names, commitment: random(32) },
    },
    owner,
  )
  const mesh = rosterEntryHash(genesis)
  const broker = signRosterEntry<'broker'>(
    {
      mesh,
      seq: 1,
      prev: mesh,
      at,
      author,
      kind: 'broker',
      body: { hosts: [host], key: brokerKey, log: null },
    },
    owner,
  )
  return [genesis, broker]
}

function papersOf(mesh: Uint8Array, rosterHead: Uint8Array, member: Signer): Papers {
  const signer = generateSigner()
  const now = Date.now()
  const base = { mesh, member: member.publicKey, session: signer.publicKey }
  const roster = { rosterSeq: 1, rosterHead }
  const certificate = signCertificate(
    {
      ...base,
      ...roster,
      uuid: uuid.parse(crypto.randomUUID()),
      notBefore: now,
      notAfter: now + TIMES.certificateMs,
    },
    member,
    signer,
  )
  const prekey = signPrekey(
    {
      ...base,
      n: now,
      bundle: bundle(),
      freshUntil: now + TIMES.prekeyFreshMs,
      usableUntil: now + TIMES.prekeyUsableMs,
    },
    signer,
  )
  const presence = signPresence(
    {
      ...base,
      ...roster,
      counter: now,
      status: 'idle',
      source: 'daemon',
      at: now,
      epoch: 1,
      profile: random(552),
    },
    signer,
  )
  return { recipient: { member: base.member, session: base.session }, certificate, prekey, presence, signer }
}
