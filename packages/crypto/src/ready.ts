/** Says when libsodium's WebAssembly is up: nothing else in this package may be called before. */
import sodium from 'libsodium-wrappers'

/** Resolves once; await it before any other call of this package. */
export const ready: Promise<void> = sodium.ready
