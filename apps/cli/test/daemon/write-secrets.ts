/** Run as a process of its own (a umask belongs to the process): makes every kind of secret in the home it is given. */
import { toBase64url } from '@claudemesh/protocol'
import { takeLock } from '../../src/daemon/lock.ts'
import { homePaths, openSessionKey, openUserToken, writeMemberFile } from '../../src/home/index.ts'

const [home = '', umask = '0'] = process.argv.slice(2)
process.umask(Number.parseInt(umask, 8))
const mesh = new Uint8Array(32).fill(7)
const paths = homePaths(home)
openUserToken(paths)
takeLock(paths.lock).release()
writeMemberFile(paths, {
  version: 1,
  mesh,
  url: 'ws://127.0.0.1:1/ws',
  host: '127.0.0.1:1',
  memberSeed: mesh,
  agreement: { x25519: mesh, xwing: mesh },
  pending: false,
})
openSessionKey(paths, toBase64url(mesh), '11111111-2222-4333-8444-555555555555')
