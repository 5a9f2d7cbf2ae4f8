/** An audit log that is cut, changed or shown in two forms: found by whoever pinned a head of it, or talks to who was shown another. */
import { generateSigner, signCheckpoint } from '@claudemesh/crypto'
import type { BrokerFrameOf } from '@claudemesh/protocol'
import { forge, headOf } from '../forge.ts'
import type { Person } from '../people.ts'
import { type Attack, refusal, type Stage } from '../stage.ts'

interface Cast {
  readonly stage: Stage
  readonly alice: Person
  readonly bob: Person
  /** Leaves of the log as Bob has pinned it. */
  readonly size: number
}

/** Bob has pinned a head that the real broker signed. */
async function pinned(stage: Stage): Promise<Cast> {
  const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
  await stage.until('Bob pinned a head', () => bob.client.auditHead() !== null)
  // From now on he is shown nothing but what is made up.
  stage.broker.lie = {
    fromBroker: (frame, { member }) => (member === bob.key && frame.type === 'checkpoint' ? [] : undefined),
  }
  return { stage, alice, bob, size: bob.client.auditHead()!.checkpoint.size }
}
/** As the broker signs it: of `size` leaves, with a root that no such log has. */
function note({ stage, bob }: Pick<Cast, 'stage' | 'bob'>, size: number, key = stage.broker.key): string {
  const { rosterSeq } = bob.client.view()
  const root = new Uint8Array(32).fill(5)
  const { mesh } = bob.identity
  return signCheckpoint({ mesh, size, root, rosterSeq, rosterHead: headOf(bob, rosterSeq) }, key)
}
async function stoppedBy(all: Cast): Promise<string[]> {
  const { stage, alice, bob } = all
  await stage.until('Bob stopped', () => bob.client.state === 'stopped')
  const msg = await bob.send([alice.recipient], 'not to be sealed')
  return [bob.standing.replaceAll(/\d+/g, 'n'), bob.stateOf(msg)]
}
const stopped = (why: string): string[] => [`stopped integrity: audit: ${why}`, 'pending']

/** Bob is told this head while he is connected. */
const told = (name: string, why: string, make: (all: Cast) => string, proof?: Proof): Attack => ({
  name,
  seen: stopped(why),
  async run(stage) {
    const all = await pinned(stage)
    if (proof) answers(all, proof)
    stage.broker.seatOf(all.bob.recipient).say({ type: 'checkpoint', note: make(all) })
    return stoppedBy(all)
  },
})
type Proof = (honest: BrokerFrameOf<'proof'> | BrokerFrameOf<'error'>) => BrokerFrameOf<'proof'>
/** Whatever is asked of the log is answered like this. */
function answers({ stage, bob }: Cast, proof: Proof): void {
  const asked = new Set<number>()
  stage.broker.lie = {
    fromClient(frame, { member }) {
      if (frame.type === 'audit.proof' && member === bob.key) asked.add(frame.ref ?? 0)
      return undefined
    },
    fromBroker(frame, { member }) {
      if (member !== bob.key) return undefined
      if (frame.type === 'checkpoint') return []
      const isAnswer = (frame.type === 'proof' || frame.type === 'error') && asked.has(frame.ref ?? 0)
      return isAnswer ? [{ ...proof(frame), ...(frame.ref ? { ref: frame.ref } : {}) }] : undefined
    },
  }
}
const madeUp: Proof = () => ({ type: 'proof', hashes: [new Uint8Array(32)], size: 0, leaf: null })

/** Bob writes, and asks for the proof that it was accepted. */
const accepted = (name: string, why: string, proof: Proof): Attack => ({
  name,
  seen: [
    `integrity: audit: the log does not hold what the broker said it accepted as leaf n: ${why}`,
    'stopped',
  ],
  async run(stage) {
    const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
    const msg = await bob.send([alice.recipient], 'as written')
    await stage.until('it is delivered', () => bob.stateOf(msg) === 'delivered')
    const at = Math.max(...bob.store.outbox.sealingsOf(msg).map(({ auditIndex }) => auditIndex))
    await stage.until('a signed head covers it', () => (bob.client.auditHead()?.checkpoint.size ?? 0) > at)
    const all = { stage, alice, bob, size: 0 }
    answers(all, proof)
    const said = (await refusal(bob.client.proveAccepted(msg))).replaceAll(/\d+/g, 'n')
    return [said, bob.client.state]
  },
})

export const LOG_ATTACKS: readonly Attack[] = [
  told(
    'somebody who is not the broker signs a head of the log',
    'the broker shows a checkpoint that its key did not sign',
    all => note(all, all.size + 1, generateSigner()),
  ),
  told(
    'a broker signs two logs of one length',
    "the broker's log is another one than it signed before (n leaves then, n now)",
    all => note(all, all.size),
  ),
  told(
    'a broker signs a longer log that does not begin with the one it signed before',
    "the broker's log is another one than it signed before (n leaves then, n now)",
    all => note(all, all.size + 7),
    madeUp,
  ),
  {
    name: 'a broker cuts off the tail of its log',
    seen: stopped(
      "the broker's log is shorter than the one it signed before (n leaves, not n): its tail was cut, or its database restored",
    ),
    async run(stage) {
      const all = await pinned(stage)
      const { bob } = all
      await bob.client.stop()
      stage.broker.lie = {
        fromBroker: (frame, { member }) =>
          member === bob.key && frame.type === 'welcome'
            ? [{ ...frame, checkpoint: note(all, all.size - 1) }]
            : undefined,
      }
      await bob.start()
      return stoppedBy(all)
    },
  },
  {
    name: 'a broker shows no log any more',
    seen: stopped('the broker shows no log, and signed one of n leaves before'),
    async run(stage) {
      const all = await pinned(stage)
      const { bob } = all
      await bob.client.stop()
      stage.broker.lie = {
        fromBroker: (frame, { member }) =>
          member === bob.key && frame.type === 'welcome' ? [{ ...frame, checkpoint: null }] : undefined,
      }
      await bob.start()
      return stoppedBy(all)
    },
  },
  {
    name: 'a broker shows two members two logs, and the two talk',
    seen: stopped('the broker signed two logs: Alice was shown another than this machine, of n leaves'),
    async run(stage) {
      const all = await pinned(stage)
      const { alice, bob } = all
      const checkpoint = note(all, all.size)
      const payload = { text: 'honest words', replyTo: null, threadId: null }
      await stage.broker.deliver(bob.recipient, forge(alice, bob, { payload, plaintext: { checkpoint } }))
      return stoppedBy(all)
    },
  },
  {
    name: 'a member shows a head that the broker never signed, to stop the mesh of another',
    seen: ['audit-forged', 'online', 'delivered'],
    async run(stage) {
      const { alice, bob, size } = await pinned(stage)
      const checkpoint = note({ stage, bob }, size + 1, alice.identity.member)
      const payload = { text: 'honest words', replyTo: null, threadId: null }
      await stage.broker.deliver(bob.recipient, forge(alice, bob, { payload, plaintext: { checkpoint } }))
      await stage.until('it is told', () => bob.client.view().problems.length > 0)
      const msg = await bob.send([alice.recipient], 'goes on')
      await stage.until('Alice has it', () => bob.stateOf(msg) === 'delivered')
      return [...bob.client.view().problems.map(({ code }) => code), bob.client.state, bob.stateOf(msg)]
    },
  },
  accepted('a broker has no leaf of what it said it accepted', 'the broker proves no leaf there', honest => ({
    ...asProof(honest),
    leaf: null,
  })),
  accepted(
    'a broker shows another leaf than the one in its tree',
    'the leaf shown is not the one in the tree',
    honest => {
      const proof = asProof(honest)
      const { leaf } = proof
      return {
        ...proof,
        leaf: leaf && { ...leaf, body: leaf.body && { ...leaf.body, at: leaf.body.at + 1 } },
      }
    },
  ),
]

function asProof(frame: BrokerFrameOf<'proof'> | BrokerFrameOf<'error'>): BrokerFrameOf<'proof'> {
  if (frame.type === 'error') throw new Error(`the real broker proves nothing: ${frame.message}`)
  return frame
}
