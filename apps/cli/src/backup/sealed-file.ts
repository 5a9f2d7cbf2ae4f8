/** A file under a passphrase, in the age format (age-encryption.org/v1, scrypt): `age -d` opens it too. */
import { MeshError } from '@claudemesh/protocol/errors'
import { Decrypter, Encrypter } from 'age-encryption'

/** log2 of scrypt's N: a second of work and 256 MiB for every guess. */
const WORK = 18

/** Ciphertext of these bytes. */
export async function sealBytes(bytes: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  encrypter.setScryptWorkFactor(WORK)
  return await encrypter.encrypt(bytes)
}

/** Throws `unauthenticated` for another passphrase, `integrity` for a file that was cut, changed or is none of this kind. */
export async function openBytes(sealed: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  try {
    return await decrypter.decrypt(sealed)
  } catch (cause) {
    if (cause instanceof Error && cause.message.includes('no identity matched'))
      throw new MeshError('unauthenticated', 'This is not the passphrase of this backup.', { cause })
    throw new MeshError(
      'integrity',
      'The file is no backup, was cut off, or was changed. Nothing was restored from it.',
      { cause },
    )
  }
}
