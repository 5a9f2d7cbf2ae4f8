/**
 * What must hold on Bun, Node and in a browser alike: vectors, round trips, and that any changed bit is refused.
 * Knows no test runner; `runtimes.test.ts` runs it everywhere.
 */
import { equalBytes, MeshError } from '@claudemesh/protocol'
import { blake2b } from '@noble/hashes/blake2.js'
import {
  applyEntry,
  certificateHash,
  checkEpochCopies,
  DOMAINS,
  hash,
  leafHash,
  openRoster,
  PagedReplay,
  prekeyId,
  profileHash,
  recipientsHash,
  replayRoster,
  rosterEntryHash,
  signedBytes,
  slotHash,
  verify,
  verifyAlias,
  verifyAttach,
  verifyCertificate,
  verifyFact,
  verifyHello,
  verifyPrekey,
  verifyPresence,
  verifyReceipt,
} from '../src/index.ts'
import {
  acceptOpener,
  deriveInviteKeys,
  openEnvelope,
  openEpochKey,
  openerId,
  openName,
  openPreviousEpochKey,
  openProfile,
  readSlot,
  safetyNumber,
} from '../src/sealing/index.ts'
import { sodium } from '../src/sodium.ts'
import { verifyDetached, verifyDetachedAside } from '../src/verify-detached.ts'
import { edgeCases } from './edge-signatures.ts'
import { type Density, flips } from './flips.ts'
import { hexJson } from './hex.ts'
import { makeVectors } from './make-vectors.ts'
import { vectorFiles, vectors } from './read-vectors.ts'
import * as s from './samples.ts'

export interface Check {
  readonly name: string
  readonly run: () => void | Promise<void>
}
export const checks: Check[] = []
const check = (name: string, run: Check['run']) => checks.push({ name, run })

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`)
}
const same = (a: unknown, b: unknown, what: string) =>
  must(hexJson(a) === hexJson(b), `${what} is as in the vector`)

/** Refused: `false`, or a MeshError; anything else thrown is a fault of ours. */
function isRefused(accept: () => unknown): boolean {
  try {
    return accept() === false
  } catch (error) {
    if (error instanceof MeshError) return true
    throw error
  }
}

let usual: Density = 'dense'
/** For what is cheap to refuse: every bit, where the run is not a sparse one. */
const most = (): Density => (usual === 'sparse' ? usual : 'every')

/** Takes the value itself and none of its changed copies. */
function onlyAsItIs<T>(what: string, value: T, accept: (value: T) => unknown, density = usual): void {
  must(!isRefused(() => accept(value)), `${what} is taken as it is`)
  let tried = 0
  for (const { where, value: changed } of flips(value, density)) {
    must(
      isRefused(() => accept(changed as T)),
      `${what}${where} changed is refused`,
    )
    tried++
  }
  must(tried > 0, `${what} was changed at all`)
}

for (const domain of DOMAINS) {
  check(`${domain}: what this runtime makes is what stands in the vector, to the byte`, () => {
    same(makeVectors()[domain], vectors[domain], domain)
    same(vectors[domain], vectorFiles[domain], `${domain} as read`)
  })
  check(`${domain}: bytes, hash and signature over fields of every type`, () => {
    const { fields, signedBytes: bytes, hash: digest, publicKey, signature } = vectors[domain].general
    same(signedBytes(domain, fields), bytes, 'signedBytes')
    same(hash(domain, fields), digest, 'hash')
    same(blake2b(bytes, { dkLen: 32 }), digest, 'hash by another implementation')
    must(verify(domain, fields, signature, publicKey), 'the signature verifies')
    for (const other of DOMAINS) {
      must(other === domain || !verify(other, fields, signature, publicKey), `it is no signature of ${other}`)
    }
  })
}

check('roster: the chain of every kind replays to its head, its copies are those signed', () => {
  const { mesh, head, entries, copies } = vectors.roster.particular
  same(replayRoster(entries, { mesh }).head, head, 'head')
  const roster = openRoster(entries[0]!, mesh)
  for (const entry of entries.slice(1)) {
    const given = entry.kind === 'rekey' || entry.kind === 'remove' ? copies[entry.kind] : []
    checkEpochCopies(roster, entry, given)
    for (const [i, copy] of given.entries()) {
      onlyAsItIs('copy', copy, changed => checkEpochCopies(roster, entry, given.with(i, changed)))
    }
    applyEntry(roster, entry)
  }
})

check('roster: any changed bit of any entry is refused', () => {
  const { mesh, entries } = vectors.roster.particular
  onlyAsItIs('genesis', entries[0]!, entry => openRoster(entry, mesh))
  for (const [i, entry] of entries.entries()) {
    if (i === 0) continue
    const before = () => replayRoster(entries.slice(0, i), { mesh })
    const roster = before()
    let first = true
    onlyAsItIs(entry.kind, entry, changed => {
      applyEntry(first ? before() : roster, changed)
      first = false
    })
  }
})

check('join: the invite’s keys come from its secret, the entry’s hash is over both signatures', () => {
  const { secret, inviteKey, bundle, agreement, entry, entryHash } = vectors.join.particular
  const keys = deriveInviteKeys(secret)
  same([keys.signer.publicKey, keys.bundle, keys.agreement], [inviteKey, bundle, agreement], 'keys')
  same(rosterEntryHash(entry), entryHash, 'hash')
})

check('rekey: an epoch key and its predecessor open; any changed bit is refused', () => {
  const { number, key, commitment, to, secret, copy, previous, previousCommitment, sealedPrevious } =
    vectors.rekey.particular
  same(openEpochKey({ number, commitment, copy, to: { key: to, secret } }), key, 'key')
  onlyAsItIs('copy', { number, commitment, copy, to }, p => openEpochKey({ ...p, to: { key: p.to, secret } }))
  const sealed = { key, number, sealed: sealedPrevious, commitment: previousCommitment }
  same(openPreviousEpochKey(sealed), previous, 'previous')
  onlyAsItIs('previous', sealed, openPreviousEpochKey, most())
})

check('certificate: verifies; any changed bit is refused', () => {
  const { certificate, hash: digest } = vectors.certificate.particular
  same(certificateHash(certificate), digest, 'hash')
  onlyAsItIs('certificate', certificate, c => verifyCertificate(c, { mesh: s.MESH, at: s.NOW }))
})

check('bundle: prekeys of session and person verify; any changed bit is refused', () => {
  const { person, ...session } = vectors.bundle.particular
  for (const { prekey, id } of [session, person]) {
    same(prekeyId(prekey), id, 'id')
    onlyAsItIs('prekey', prekey, b => verifyPrekey(b, { mesh: s.MESH, now: s.NOW }))
  }
})

check('hello, attach: verify; any changed bit is refused', () => {
  onlyAsItIs('hello', vectors.hello.particular, verifyHello)
  onlyAsItIs('attach', vectors.attach.particular, verifyAttach)
  must(!verifyHello({ ...vectors.hello.particular, mesh: null }), 'hello without its mesh is another')
  must(
    !verifyAttach({ ...vectors.attach.particular, certificateHash: null }),
    'attach without certificate is another',
  )
})

check('presence, receipt, fact: verify; any changed bit is refused', () => {
  const { fact, brokerKey } = vectors.fact.particular
  onlyAsItIs('presence', vectors.presence.particular, p => verifyPresence(p, { mesh: s.MESH, now: s.NOW }))
  onlyAsItIs('receipt', vectors.receipt.particular, r => verifyReceipt(r, { mesh: s.MESH }))
  onlyAsItIs('fact', { fact, brokerKey }, p => verifyFact(p.fact, p.brokerKey))
})

check('alias: verifies for its session under its UUID; any changed bit is refused', () => {
  onlyAsItIs('alias', vectors.alias.particular, a => verifyAlias(a, a, s.NOW))
})

check('profile: profile and name open in their place and in no other; any changed bit is refused', () => {
  const { place, profile, sealed, hash: digest, namePlace, sealedName } = vectors.profile.particular
  same(openProfile({ ...place, sealed }), profile, 'profile')
  same(profileHash(sealed), digest, 'hash')
  same(openName({ ...namePlace, sealed: sealedName }), 'Ann', 'name')
  onlyAsItIs('profile', { ...place, sealed }, openProfile, most())
  onlyAsItIs('name', { ...namePlace, sealed: sealedName }, openName, most())
  must(
    isRefused(() => openName({ ...namePlace, mesh: null, sealed: sealedName })),
    'a name is bound to its mesh',
  )
})

check('envelope: the fixed one opens for each of its recipients', () => {
  const { mesh, sealed, toHash, open, plaintext, raw } = vectors.envelope.particular
  same(recipientsHash(sealed.header.to), toHash, 'hash of to')
  for (const { index, ...end } of open) {
    const envelope = { header: sealed.header, slot: sealed.slots[index]!, body: sealed.body }
    const opened = openEnvelope({ envelope, mesh, ...end })
    same(opened.plaintext, plaintext, 'plaintext')
    must(equalBytes(opened.raw, raw), 'raw bytes come back')
    must(opened.floor === 4 && opened.pairSeq === (end.me.session ? 5 : 6), 'counters come back')
  }
})

check('envelope: any flipped bit of header, slot or body is refused', () => {
  const { mesh, sealed, open } = vectors.envelope.particular
  for (const { index, ...end } of open) {
    const envelope = { header: sealed.header, slot: sealed.slots[index]!, body: sealed.body }
    onlyAsItIs('envelope', envelope, changed => openEnvelope({ envelope: changed, mesh, ...end }), most())
    onlyAsItIs('end', { mesh, ...end }, changed => openEnvelope({ envelope, ...changed }))
  }
})

check(
  'slot, opener, pair: read, named and agreed on as in the vector; any changed bit gives another key',
  () => {
    const { slots, hashes } = vectors.slot.particular
    same(slots.map(slotHash), hashes, 'hashes')
    const { opener, id } = vectors.opener.particular
    same(openerId(opener), id, 'id')
    for (const slot of slots) {
      const read = readSlot(slot)
      must(
        read.opener ? equalBytes(read.openerId, openerId(read.opener)) : slot.length === 80,
        'a slot names its opener',
      )
    }
    const { pairKey, secret, ...ends } = vectors.pair.particular
    onlyAsItIs('pair', ends, changed => equalBytes(acceptOpener({ ...changed, secret }), pairKey))
  },
)

check('safety: the same number on both ends; of another mesh or key, another one in every writing', () => {
  const { ends, hash: _, ...number } = vectors.safety.particular
  same(safetyNumber(ends), number, 'the number')
  same(safetyNumber({ ...ends, mine: ends.theirs, theirs: ends.mine }), number, 'at the other end')
  const isSame = (changed: typeof ends, writing: 'digits' | 'words') =>
    hexJson(safetyNumber(changed)[writing]) === hexJson(number[writing])
  onlyAsItIs('safety', ends, changed => isSame(changed, 'digits'))
  onlyAsItIs('safety', ends, changed => isSame(changed, 'words'))
})

check('leaf: hashes as in the vector; any changed bit changes it', () => {
  const { leaf, hash: digest } = vectors.leaf.particular
  onlyAsItIs('leaf', leaf, changed => equalBytes(leafHash(changed), digest))
})

check('signatures at every edge of ed25519 are judged as libsodium judges them, here and aside', async () => {
  for (const { name, key, signature, message } of edgeCases(1)) {
    const verdict = sodium.crypto_sign_verify_detached(signature, message, key)
    const what = `${name} is ${verdict ? 'taken' : 'refused'}`
    must(verifyDetached(signature, message, key) === verdict, what)
    must((await verifyDetachedAside(signature, message, key)) === verdict, `${what} aside`)
  }
})

check(
  'roster: read by pages, with signatures judged aside, the same chain is taken and the same refused',
  async () => {
    const { mesh, head, entries } = vectors.roster.particular
    const read = async (chain: typeof entries) => {
      const replay = new PagedReplay(mesh)
      for (let i = 0; i < chain.length; i += 3) await replay.add(chain.slice(i, i + 3), s.NOW)
      return (await replay.whole()).head
    }
    same(await read(entries), head, 'head')
    for (const [i, { signatures }] of entries.entries())
      for (const [j, signature] of signatures.entries()) {
        const forged = signatures.with(j, signature.with(9, signature[9]! ^ 1))
        const chain = entries.with(i, { ...entries[i]!, signatures: forged } as (typeof entries)[number])
        const refused = await read(chain).then(
          () => false,
          error => error instanceof MeshError && error.code === 'integrity',
        )
        must(refused, `signature ${j} of entry ${i} changed is refused`)
      }
  },
)

check('what is made here and now opens, and agrees on both ends', () => {
  const made = s.envelope()
  for (const way of made.ways) {
    const key = s.acceptedKey(way)
    must(equalBytes(key, way.pairKey), 'both ends agree on the pair key')
    const index = made.sealed.header.to.findIndex(to => equalBytes(to.prekeyId, way.id))
    const end = { mesh: s.MESH, me: way.owner, prekeyId: way.id, pairKey: key }
    same(openEnvelope({ envelope: s.delivered(made, index), ...end }).plaintext, s.plaintext, 'plaintext')
  }
  same(openProfile({ ...s.profilePlace, sealed: s.sealedProfile() }), s.profile, 'profile')
  same(openName({ ...s.namePlace, sealed: s.sealedName() }), 'Ann', 'name')
  must(!equalBytes(s.envelope().sealed.header.nonce, made.sealed.header.nonce), 'no nonce comes twice')
})

/** Runs everything, with fewer flipped bits where `density` says so; the failures, as `name: why`. */
export async function failures(density: Density): Promise<string[]> {
  usual = density
  const failed: string[] = []
  for (const { name, run } of checks)
    try {
      await run()
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  return failed
}
