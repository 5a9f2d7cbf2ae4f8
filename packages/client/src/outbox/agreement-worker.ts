/** The other thread of agreement-thread.ts. */
import { createOpener } from '@claudemesh/crypto/sealing'
import { MeshError } from '@claudemesh/protocol/errors'
import { type Agreed, type AgreementTask, READY } from './agreement-thread.ts'

declare const self: Worker

self.onmessage = ({ data }: MessageEvent<AgreementTask>) => {
  const agreed: Agreed = data.map(one => {
    try {
      return createOpener(one)
    } catch (error) {
      if (error instanceof MeshError) return null
      throw error
    }
  })
  // Handed over, not copied: no second copy of a secret stays behind.
  const handed = agreed.flatMap(one =>
    one ? [one.opener.buffer, one.openerId.buffer, one.pairKey.buffer] : [],
  )
  self.postMessage(agreed, handed as ArrayBuffer[])
}

// What came before libsodium was up would have found nobody.
self.postMessage(READY)
