/** libsodium once its WebAssembly is up: whatever imports this package waits for that, so nothing here can be called too early. */
import sodium from 'libsodium-wrappers'

await sodium.ready

export { sodium }
