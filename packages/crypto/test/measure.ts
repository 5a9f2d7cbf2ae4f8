/** Measures what the hot path costs here: `bun test/measure.ts` (or `node` on a bundle of it). Prints µs: the fastest of 25 rounds, and their median. */
import { generateSigner, sign, uuidv7, verify } from '../src/index.ts'
import { acceptOpener, createOpener, openEnvelope, sealEnvelope } from '../src/sealing/index.ts'
import * as s from './samples.ts'

function measured(run: () => void, times: number): [fastest: number, median: number] {
  for (let i = 0; i < times; i++) run()
  const rounds = Array.from({ length: 25 }, () => {
    const start = performance.now()
    for (let i = 0; i < times; i++) run()
    return ((performance.now() - start) * 1000) / times
  })
  rounds.sort((a, b) => a - b)
  return [rounds[0]!, rounds[12]!]
}

const { publicKey, secretKey } = generateSigner()
const fields = [new Uint8Array(300)]
const signature = sign('room', fields, secretKey)
const { prekey, secret, id, owner } = s.sessionPrekey
const way = createOpener({ mesh: s.MESH, from: s.annEnd, prekey })
const ends = { mesh: s.MESH, from: s.annEnd, to: owner, prekeyId: id, opener: way.opener, secret }
const target = {
  recipient: owner,
  prekeyId: id,
  pairKey: way.pairKey,
  opener: way.openerId,
  pairSeq: 1,
  floor: 1,
}
const plaintext = {
  ...s.plaintext,
  payload: { text: 'x'.repeat(1024), replyTo: null, threadId: null },
  certificate: null,
}
const shared = {
  id: uuidv7(s.NOW),
  mesh: s.MESH,
  from: s.annEnd,
  signer: s.annSession,
  ttl: 1000,
  plaintext,
  targets: [target],
}
const seal = () => sealEnvelope({ ...shared, priority: 'next' })
const sealed = seal()
const envelope = { header: sealed.header, slot: sealed.slots[0]!, body: sealed.body }

const figures: [string, [number, number]][] = [
  ['sign', measured(() => sign('room', fields, secretKey), 100)],
  ['verify', measured(() => verify('room', fields, signature, publicKey), 60)],
  ['createOpener', measured(() => createOpener({ mesh: s.MESH, from: s.annEnd, prekey }), 20)],
  ['acceptOpener', measured(() => acceptOpener(ends), 20)],
  ['sealEnvelope, 1 KiB of text, one recipient, pair key warm', measured(seal, 60)],
  [
    'openEnvelope of it',
    measured(
      () => openEnvelope({ envelope, mesh: s.MESH, me: owner, prekeyId: id, pairKey: way.pairKey }),
      300,
    ),
  ],
]
for (const [what, micros] of figures)
  console.log(`${micros.map(m => m.toFixed(1).padStart(8)).join(' ')} µs  ${what}`)
