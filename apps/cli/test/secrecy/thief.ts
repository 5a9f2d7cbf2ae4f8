/** Who has a copy of a disk and everything that ever went over the wire, and opens what can be opened with that. */
import { MeshClient, type MeshSeed } from '@claudemesh/client'
import { compareRecipients, generateSigner } from '@claudemesh/crypto'
import {
  type AgreementSecret,
  acceptOpener,
  generateAgreement,
  openEnvelope,
  readSlot,
} from '@claudemesh/crypto/sealing'
import {
  type Envelope,
  MeshError,
  type PlaintextJson,
  type Recipient,
  toBase64url,
} from '@claudemesh/protocol'
import { onTestFinished } from 'vitest'
import { type MeshStore, openMeshStore } from '../../src/daemon/store/client-store.ts'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { homePaths, readMemberFile } from '../../src/home/index.ts'

export interface Opened {
  readonly sentAt: number
  readonly to: Recipient
  readonly plaintext: PlaintextJson
}

/** Every prekey secret of the disk. */
export function stolenSecrets(store: MeshStore): AgreementSecret[] {
  return store.prekeys.all().map(({ secret }) => ({ x25519: secret.slice(0, 32), xwing: secret.slice(32) }))
}

/** The store of a copied home. */
export function openStolen(home: string, mesh: Uint8Array): { store: MeshStore; close: () => void } {
  const file = openStoreFile(homePaths(home).store)
  return { store: openMeshStore(file, toBase64url(mesh)), close: () => file.close() }
}

/** A client on a copied home that never connects: it reads what the disk gives away by itself. */
export function thiefOn(home: string, { mesh }: MeshSeed): MeshClient {
  const { store, close } = openStolen(home, mesh)
  onTestFinished(close)
  const { url, host, memberSeed, agreement } = readMemberFile(homePaths(home), toBase64url(mesh))!
  const keys = { member: generateSigner(memberSeed), agreement: generateAgreement(agreement) }
  return new MeshClient({ identity: { mesh, url, host, ...keys }, store, now: Date.now, log: () => {} })
}

/** Tries every slot of every envelope with every secret, through every opener that ever travelled. */
export async function openAll(
  recorded: readonly Envelope[],
  secrets: readonly AgreementSecret[],
): Promise<Opened[]> {
  const openers = new Map<string, Uint8Array>()
  for (const { slots } of recorded)
    for (const slot of slots) {
      const { opener, openerId } = readSlot(slot)
      if (opener) openers.set(toBase64url(openerId), opener)
    }
  return recorded.flatMap(envelope =>
    envelope.slots.flatMap((slot, i): Opened[] => {
      const opener = openers.get(toBase64url(readSlot(slot).openerId))
      const opened = opener && openSlot(envelope, i, opener, secrets)
      return opened ? [opened] : []
    }),
  )
}

function openSlot(
  { header, slots, body }: Envelope,
  i: number,
  opener: Uint8Array,
  secrets: readonly AgreementSecret[],
): Opened | undefined {
  const { recipient: to, prekeyId } = header.to[i]!
  const { mesh, from, sentAt } = header
  for (const secret of secrets)
    try {
      const pairKey = acceptOpener({ mesh, opener, from, to, prekeyId, secret })
      const envelope = { header, slot: slots[i]!, body }
      const { plaintext } = openEnvelope({ envelope, mesh, me: to, prekeyId, pairKey })
      return { sentAt, to, plaintext }
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
    }
  return undefined
}

export const isFor =
  (who: Recipient) =>
  ({ to }: Opened): boolean =>
    compareRecipients(to, who) === 0
