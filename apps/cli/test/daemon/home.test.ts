import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toBase64url } from '@claudemesh/protocol'
import { describe, expect, test } from 'vitest'
import {
  ensurePrivateFolder,
  homePaths,
  listMemberFiles,
  looseFiles,
  openSessionKey,
  openUserToken,
  readMemberFile,
  writeMemberFile,
  writeSecretFile,
} from '../../src/home/index.ts'
import { scratchFolder } from './scratch.ts'

const mode = (path: string) => statSync(path).mode & 0o777
const MESH = toBase64url(new Uint8Array(32).fill(7))
const UUID = '11111111-2222-4333-8444-555555555555'
const member = (fill: number) => ({
  version: 1 as const,
  mesh: new Uint8Array(32).fill(7),
  url: 'ws://127.0.0.1:1/ws',
  host: '127.0.0.1:1',
  memberSeed: new Uint8Array(32).fill(fill),
  agreement: { x25519: new Uint8Array(32).fill(2), xwing: new Uint8Array(32).fill(3) },
  pending: false,
})

describe('secret files', () => {
  test.each(['000', '022', '077'])(
    'are 0600 in 0700 under umask %s, in a home that was open to all',
    umask => {
      const paths = homePaths(join(scratchFolder(), 'home'))
      mkdirSync(paths.home)
      chmodSync(paths.home, 0o777)
      const script = fileURLToPath(new URL('./write-secrets.ts', import.meta.url))
      const { status, stderr } = spawnSync(process.execPath, [script, paths.home, umask], {
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([0, ''])
      expect([mode(paths.home), mode(paths.token), mode(paths.lock)]).toEqual([0o700, 0o600, 0o600])
      expect(mode(join(paths.meshes, MESH, 'member.json'))).toBe(0o600)
      expect(mode(join(paths.sessions, MESH, `${UUID}.json`))).toBe(0o600)
      expect(looseFiles(paths)).toEqual([])
    },
  )

  test('replace an older file whose mode was wide without ever being wide themselves', () => {
    const path = join(scratchFolder(), 'token')
    writeFileSync(path, 'old', { mode: 0o644 })
    writeSecretFile(path, 'new')
    expect([readFileSync(path, 'utf8'), mode(path)]).toEqual(['new', 0o600])
  })

  test('leave no half-written file behind', () => {
    const folder = scratchFolder()
    writeSecretFile(join(folder, 'a'), 'x')
    expect(readdirSync(folder)).toEqual(['a'])
  })

  test('are told when others can read them', () => {
    const paths = homePaths(scratchFolder())
    openUserToken(paths)
    chmodSync(paths.token, 0o640)
    expect(looseFiles(paths)).toEqual([paths.token])
  })
})

describe('keys', () => {
  test('of a session are the same for ever', () => {
    const paths = homePaths(scratchFolder())
    const first = openSessionKey(paths, MESH, UUID)
    expect(toBase64url(openSessionKey(paths, MESH, UUID).publicKey)).toBe(toBase64url(first.publicKey))
    expect(toBase64url(openSessionKey(paths, MESH, UUID.replace('1', '2')).publicKey)).not.toBe(
      toBase64url(first.publicKey),
    )
  })

  test.each(['', '{', '{}', '{"version":1}', '\0'.repeat(100)])(
    'that are damaged are an error, never new ones (%#)',
    text => {
      const paths = homePaths(scratchFolder())
      openSessionKey(paths, MESH, UUID)
      writeMemberFile(paths, member(1))
      for (const file of [
        join(paths.sessions, MESH, `${UUID}.json`),
        join(paths.meshes, MESH, 'member.json'),
      ]) {
        writeFileSync(file, text)
        const read = () =>
          file.endsWith('member.json') ? readMemberFile(paths, MESH) : openSessionKey(paths, MESH, UUID)
        expect(read).toThrow(expect.objectContaining({ code: 'integrity' }))
        expect(readFileSync(file, 'utf8')).toBe(text)
      }
    },
  )

  test('of a member come back as they were written', () => {
    const paths = homePaths(scratchFolder())
    expect([listMemberFiles(paths), readMemberFile(paths, MESH)]).toEqual([[], undefined])
    writeMemberFile(paths, member(9))
    expect(listMemberFiles(paths)).toEqual([MESH])
    expect(toBase64url(readMemberFile(paths, MESH)!.memberSeed)).toBe(toBase64url(new Uint8Array(32).fill(9)))
  })

  test('are not looked for outside their folder', () => {
    const paths = homePaths(scratchFolder())
    expect(() => openSessionKey(paths, MESH, '../../x')).toThrow()
  })
})

describe('the socket', () => {
  test('lies in the home, or in a short folder of its own where the path would be too long', () => {
    const short = homePaths('/home/me/.claudemesh', {})
    expect(short.socket).toBe('/home/me/.claudemesh/daemon.sock')
    const runtime = scratchFolder()
    const long = homePaths(`/home/${'x'.repeat(120)}`, { XDG_RUNTIME_DIR: runtime })
    expect(long.socket.startsWith(`${runtime}/claudemesh-`)).toBe(true)
    expect(Buffer.byteLength(long.socket)).toBeLessThanOrEqual(100)
    expect(long.socket).not.toBe(homePaths(`/home/${'y'.repeat(120)}`, { XDG_RUNTIME_DIR: runtime }).socket)
  })

  test('is refused a folder that is a link, a file or open to be replaced by others', () => {
    const folder = scratchFolder()
    mkdirSync(join(folder, 'theirs'))
    symlinkSync(join(folder, 'theirs'), join(folder, 'link'))
    writeFileSync(join(folder, 'file'), '')
    const strict = { strict: true }
    expect(() => ensurePrivateFolder(join(folder, 'link'), strict)).toThrow(
      expect.objectContaining({ code: 'forbidden' }),
    )
    expect(() => ensurePrivateFolder(join(folder, 'file'), strict)).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    )
    expect(existsSync(join(folder, 'theirs'))).toBe(true)
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
  })
})
