import { generateSigner, prekeyId } from '@claudemesh/crypto'
import { acceptOpener, makePrekey } from '@claudemesh/crypto/sealing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AgreementThread } from '../src/outbox/agreement-thread.ts'

const mesh = crypto.getRandomValues(new Uint8Array(32))
const from = { member: generateSigner().publicKey, session: null }
const peers = Array.from({ length: 3 }, () => {
  const signer = generateSigner()
  const to = { member: signer.publicKey, session: null }
  return { to, ...makePrekey({ mesh, owner: to, n: Date.now(), signer }) }
})

function openThread(): AgreementThread {
  const thread = new AgreementThread()
  onTestFinished(() => thread.end())
  return thread
}

test('agrees with each owner on what the owner finds behind the opener, and with nobody where a bundle is no key', async () => {
  const thread = openThread()
  const { prekey } = peers[0]!
  const noKey = { ...prekey, bundle: { ...prekey.bundle, x25519: new Uint8Array(32) } }
  const task = [...peers.map(peer => peer.prekey), noKey].map(one => ({ mesh, from, prekey: one }))
  const agreed = await thread.agree(task)
  expect(agreed?.[3]).toBeNull()
  for (const [i, { to, prekey: own, secret }] of peers.entries()) {
    const { opener, pairKey } = agreed![i]!
    expect(acceptOpener({ mesh, from, to, prekeyId: prekeyId(own), opener, secret })).toEqual(pairKey)
  }
  // A new opener each time, from the same thread.
  const again = await thread.agree(task)
  expect(again![0]!.pairKey).not.toEqual(agreed![0]!.pairKey)
})

test('answers nothing once it was ended, or where no thread can be had', async () => {
  const thread = openThread()
  const asked = thread.agree([{ mesh, from, prekey: peers[0]!.prekey }])
  thread.end()
  expect(await asked).toBeUndefined()
  vi.stubGlobal(
    'Worker',
    class {
      constructor() {
        throw new Error('no thread is left')
      }
    },
  )
  onTestFinished(() => void vi.unstubAllGlobals())
  expect(await openThread().agree([])).toBeUndefined()
})
