/** A mesh with a long past: hundreds of members, each joined by an invite of its own, and thousands of renames, all signed. */
import { createMesh } from '@claudemesh/client'
import type { Signer } from '@claudemesh/crypto'
import {
  formatInviteLink,
  generateSigner,
  rosterEntryHash,
  signJoin,
  signRosterEntry,
} from '@claudemesh/crypto'
import { deriveInviteKeys, generateAgreement, sealEpochKey, sealName } from '@claudemesh/crypto/sealing'
import { appendRoster, openDatabase } from '@claudemesh/db'
import type { RosterEntry } from '@claudemesh/protocol'
import type { Command } from './commands.ts'

export interface LargeMesh {
  readonly host: string
  readonly mesh: Uint8Array
  readonly epochKey: Uint8Array
  readonly rosterSeq: number
  readonly rosterHead: Uint8Array
  readonly members: readonly Signer[]
  /** Joins the mesh, 9 times. */
  readonly link: string
}

const random = (size: number) => crypto.getRandomValues(new Uint8Array(size))
const INVITE_MS = 24 * 3_600_000

/**
 * Founds a mesh on the broker and writes the rest of its roster into the broker's database, as if it had been appended
 * entry by entry. The broker has to be started anew before it knows of it.
 */
export async function largeHistory({
  port,
  url,
  members,
  entries: count,
}: Extract<Command, { do: 'history' }>): Promise<LargeMesh> {
  const host = `127.0.0.1:${port}`
  const owner = generateSigner()
  const seed = await createMesh({
    url: `ws://${host}/ws`,
    host,
    member: owner,
    agreement: generateAgreement(),
    name: 'Large',
    memberName: 'Owner',
    now: Date.now,
  })
  const { mesh, epochs } = seed
  const epochKey = epochs[0]!.key
  const entries = [...seed.entries]
  const chain = new Chain(entries, { mesh, epochKey, owner })
  const people: Signer[] = [owner]
  const every = Math.max(3, Math.floor(count / members))
  while (entries.length < count - 1 || people.length < members) {
    if (people.length < members && entries.length >= people.length * every)
      people.push(chain.member(people.length))
    else chain.rename(`Owner ${entries.length}`)
  }
  const link = chain.invite(host, 9).link
  await write(url, mesh, entries.slice(seed.entries.length))
  const last = entries.at(-1)!
  return {
    host,
    mesh,
    epochKey,
    rosterSeq: last.seq,
    rosterHead: rosterEntryHash(last),
    members: people,
    link,
  }
}

class Chain {
  readonly #entries: RosterEntry[]
  readonly #o: { mesh: Uint8Array; epochKey: Uint8Array; owner: Signer }
  readonly #bundle = generateAgreement().bundle
  readonly #at = Date.now()

  constructor(entries: RosterEntry[], o: { mesh: Uint8Array; epochKey: Uint8Array; owner: Signer }) {
    this.#entries = entries
    this.#o = o
  }

  rename(name: string): void {
    const { owner } = this.#o
    const body = { name: this.#name(name, owner.publicKey) }
    this.#entries.push(signRosterEntry({ ...this.#place(owner), kind: 'rename', body }, owner))
  }

  invite(host: string, uses: number): { link: string; signer: Signer; entryHash: Uint8Array } {
    const { owner, epochKey } = this.#o
    const secret = random(32)
    const code = random(16)
    const { signer, bundle } = deriveInviteKeys(secret)
    const to = { key: signer.publicKey, bundle }
    const copy = sealEpochKey({ number: 1, key: epochKey, to })
    const body = { code, ...to, role: 'member' as const, uses, expiresAt: this.#at + INVITE_MS, copy }
    const entry = signRosterEntry({ ...this.#place(owner), kind: 'invite', body }, owner)
    this.#entries.push(entry)
    const entryHash = rosterEntryHash(entry)
    return { link: formatInviteLink({ host, secure: false, code, secret, entryHash }), signer, entryHash }
  }

  member(number: number): Signer {
    const { signer, entryHash } = this.invite('127.0.0.1', 1)
    const member = generateSigner()
    const body = {
      invite: entryHash,
      bundle: this.#bundle,
      name: this.#name(`Member ${number}`, member.publicKey),
    }
    this.#entries.push(signJoin({ ...this.#place(member), kind: 'join', body }, member, signer))
    return member
  }

  #place(author: Signer) {
    const { mesh } = this.#o
    const last = this.#entries.at(-1)!
    return { mesh, seq: last.seq + 1, prev: rosterEntryHash(last), at: this.#at, author: author.publicKey }
  }

  #name(name: string, author: Uint8Array): Uint8Array {
    const { mesh, epochKey } = this.#o
    return sealName({ name, epochKey, epoch: 1, mesh, author, what: 'member' })
  }
}

/** By the function that the broker calls: entry, audit leaf, member and invite rows. */
async function write(url: string, mesh: Uint8Array, entries: readonly RosterEntry[]): Promise<void> {
  const db = await openDatabase({ url, max: 1, applicationName: 'claudemesh-bench' })
  for (const entry of entries) {
    const place = { expectedSeq: entry.seq - 1, expectedHead: entry.prev! }
    const hash = rosterEntryHash(entry)
    const outcome = await appendRoster(db, { mesh, entry, hash, ...place, copies: [], now: entry.at })
    if ('conflict' in outcome) throw new Error(`entry ${entry.seq} found another head`)
  }
  await db.close()
}
