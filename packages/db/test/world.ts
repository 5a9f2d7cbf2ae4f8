/** Meshes, members and sessions as the broker would have verified them: right shapes, random bytes for what is signed. */
import { randomBytes, randomUUID } from 'node:crypto'
import type {
  Certificate,
  Fact,
  PrekeyBundle,
  PresenceRecord,
  Recipient,
  RosterEntry,
  RosterEntryOf,
} from '@claudemesh/protocol'
import {
  type AcceptItem,
  appendRoster,
  attach,
  claimNode,
  createMesh,
  type Database,
  type QueueRow,
  readQueue,
} from '../src/index.ts'
import type { QueuePage } from '../src/queue-reads.ts'

export const random = (n: number): Uint8Array => new Uint8Array(randomBytes(n))
export const NODE = 'node-a'
const DAY = 86_400_000

export interface TestMesh {
  readonly db: Database
  readonly mesh: Uint8Array
  readonly owner: Uint8Array
  seq: number
  head: Uint8Array
}

const bundle = () => ({ x25519: random(32), xwing: random(1216) })

export async function newMesh(db: Database, now = Date.now()): Promise<TestMesh> {
  const mesh = random(32)
  const owner = random(32)
  const heads = [mesh, random(32)]
  await createMesh(db, {
    mesh,
    entries: firstEntries(mesh, owner).map((entry, i) => ({ entry, hash: heads[i]! })),
    now,
  })
  await claimNode(db, { node: NODE, now, leaseMs: 60_000 })
  return { db, mesh, owner, seq: 1, head: heads[1]! }
}

export function firstEntries(mesh: Uint8Array, owner: Uint8Array): RosterEntry[] {
  const common = { at: 1, author: owner, signatures: [random(64)] as [Uint8Array] }
  const body = {
    random: random(32),
    bundle: bundle(),
    meshName: random(298),
    name: random(298),
    commitment: random(32),
  }
  return [
    { ...common, mesh: null, seq: 0, prev: null, kind: 'genesis', body },
    {
      ...common,
      mesh,
      seq: 1,
      prev: mesh,
      kind: 'broker',
      body: { hosts: ['localhost'], key: random(32), log: null },
    },
  ]
}

type Body = {
  [K in RosterEntry['kind']]: { kind: K; body: RosterEntryOf<K>['body']; author?: Uint8Array }
}[RosterEntry['kind']]

/** The entry that would follow the head this side knows of. */
export function nextEntry(at: TestMesh, part: Body): { entry: RosterEntry; hash: Uint8Array } {
  const signatures = part.kind === 'join' ? [random(64), random(64)] : [random(64)]
  const entry = {
    mesh: at.mesh,
    seq: at.seq + 1,
    prev: at.head,
    at: 2,
    author: at.owner,
    signatures,
    ...part,
  } as RosterEntry
  return { entry, hash: random(32) }
}

export async function append(at: TestMesh, part: Body, copies: { to: Uint8Array; copy: Uint8Array }[] = []) {
  const { entry, hash } = nextEntry(at, part)
  const outcome = await appendRoster(at.db, {
    mesh: at.mesh,
    entry,
    hash,
    expectedSeq: at.seq,
    expectedHead: at.head,
    copies,
    now: Date.now(),
  })
  if ('conflict' in outcome) throw new Error('lost the race')
  at.seq = outcome.seq
  at.head = outcome.head
  return hash
}

export async function invite(at: TestMesh, role: 'admin' | 'member' | 'viewer' = 'member') {
  const code = random(16)
  const body = {
    code,
    key: random(32),
    bundle: bundle(),
    role,
    uses: 10,
    expiresAt: Date.now() + DAY,
    copy: random(1200),
  }
  return { code, hash: await append(at, { kind: 'invite', body }) }
}

export async function join(at: TestMesh, by?: Uint8Array): Promise<Uint8Array> {
  const member = random(32)
  const hash = by ?? (await invite(at)).hash
  await append(at, {
    kind: 'join',
    author: member,
    body: { invite: hash, bundle: bundle(), name: random(298) },
  })
  return member
}

export const remove = (at: TestMesh, member: Uint8Array) =>
  append(at, { kind: 'remove', body: { member, epoch: null } })

export const certificateOf = (at: TestMesh, r: Recipient, uuid: string, notAfter: number): Certificate => ({
  mesh: at.mesh,
  member: r.member,
  session: r.session!,
  uuid,
  notBefore: 0,
  notAfter,
  rosterSeq: at.seq,
  rosterHead: at.head,
  memberSignature: random(64),
  sessionSignature: random(64),
})

export const prekeyOf = (at: TestMesh, r: Recipient, n: number): PrekeyBundle => ({
  mesh: at.mesh,
  ...r,
  n,
  bundle: bundle(),
  freshUntil: n + 1,
  usableUntil: Date.now() + 30 * DAY,
  signature: random(64),
})

export const presenceOf = (at: TestMesh, r: Recipient, counter: number): PresenceRecord => ({
  mesh: at.mesh,
  member: r.member,
  session: r.session!,
  counter,
  status: 'idle',
  source: 'hook',
  at: counter,
  rosterSeq: at.seq,
  rosterHead: at.head,
  epoch: 1,
  profile: random(552),
  signature: random(64),
})

export interface TestSession {
  readonly recipient: Recipient
  readonly uuid: string
  attachment: number
}

/** Attaches a session of the member, or the person when `session` is null; `n` is its prekey's number. */
export async function attached(
  at: TestMesh,
  member: Uint8Array,
  p: {
    session?: Uint8Array | null
    n?: number
    counter?: number
    notAfter?: number
    node?: string
    uuid?: string
    now?: number
    hook?: Uint8Array
    renew?: number
  } = {},
): Promise<TestSession> {
  const recipient = { member, session: p.session === undefined ? random(32) : p.session }
  const uuid = p.uuid ?? randomUUID()
  const outcome = await attach(at.db, {
    mesh: at.mesh,
    recipient,
    uuid: recipient.session && uuid,
    certificate: recipient.session && certificateOf(at, recipient, uuid, p.notAfter ?? Date.now() + DAY),
    prekey: prekeyOf(at, recipient, p.n ?? 1),
    presence: recipient.session && presenceOf(at, recipient, p.counter ?? 1),
    hookTokenHash: p.hook ?? null,
    node: p.node ?? NODE,
    now: p.now ?? Date.now(),
    ...(p.renew !== undefined && { renew: p.renew }),
  })
  if (outcome.error !== null) throw new Error(outcome.error)
  return { recipient, uuid, attachment: outcome.attachment }
}

/** An envelope of `from` to everybody named, with random content. */
export const item = (
  at: TestMesh,
  from: Recipient,
  to: readonly Recipient[],
  more: Partial<AcceptItem> = {},
): AcceptItem => ({
  mesh: at.mesh,
  id: random(16),
  from,
  contentHash: random(32),
  header: random(200),
  body: random(600),
  recipientsHash: random(32),
  to: to.map(recipient => ({ recipient, slot: random(80) })),
  expiresAt: Date.now() + DAY,
  ...more,
})

/** Stands in for the broker's key. */
export const signFact = (fact: Omit<Fact, 'signature'>): Fact => ({ ...fact, signature: random(64) })

/** All that waits for a recipient, page by page; `read` asks for what is above a seq. */
export async function pageByPage(
  read: (after: number) => Promise<QueuePage>,
  after = 0,
): Promise<QueueRow[]> {
  const rows: QueueRow[] = []
  for (let more = true; more; ) {
    const page = await read(rows.at(-1)?.seq ?? after)
    rows.push(...page.rows)
    more = page.more
  }
  return rows
}

export const wholeQueue = (
  db: Database,
  of: { readonly mesh: Uint8Array; readonly recipient: Recipient; readonly after?: number },
): Promise<QueueRow[]> =>
  pageByPage(after => readQueue(db, { ...of, after, maxRows: 1000, maxBytes: 1 << 24 }), of.after)
