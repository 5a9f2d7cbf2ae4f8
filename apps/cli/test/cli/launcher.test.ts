/** bin/claudemesh with stand-ins for Bun and Node that say what they were given. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'cm bin-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const bin = join(root, 'cli', 'bin')
const bun = join(root, 'cli', 'node_modules', 'bun', 'bin', 'bun.exe')
const on = join(root, 'path')
for (const folder of [bin, join(bun, '..'), on]) mkdirSync(folder, { recursive: true })
copyFileSync(fileURLToPath(new URL('../../bin/claudemesh', import.meta.url)), join(bin, 'claudemesh'))

/** Prints its name, its process and its words; ends with 7. */
function standIn(path: string, name: string, bytes = 0): void {
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' ${name} $$ "$@"\nexit 7\n#${'x'.repeat(bytes)}\n`)
  chmodSync(path, 0o755)
}
standIn(join(on, 'node'), 'node')

function run(program: string, cwd = root) {
  const { status, stdout, pid } = spawnSync(program, ['send', 'a b', '--', ''], {
    cwd,
    env: { PATH: on },
    encoding: 'utf8',
  })
  const [name, itsPid, ...words] = stdout.split('\n').slice(0, -1)
  return { status, name, isSame: Number(itsPid) === pid, words }
}
const flags = ['--no-env-file', '--no-install', '--config=/dev/null']

test('a large Bun in its usual place is what the process becomes, by whatever name it was called', () => {
  standIn(bun, 'bun', 2 << 20)
  mkdirSync(join(root, '.bin'))
  symlinkSync('../cli/bin/claudemesh', join(root, '.bin', 'claudemesh'))
  symlinkSync(join(root, '.bin', 'claudemesh'), join(root, 'cm'))
  for (const [called, cwd] of [
    [join(bin, 'claudemesh')],
    ['./claudemesh', bin],
    [join(root, '.bin', 'claudemesh')],
    ['./cm', root],
  ] as const) {
    const { words, ...rest } = run(called, cwd)
    expect(rest).toEqual({ status: 7, name: 'bun', isSame: true })
    expect(words.toSpliced(3, 1)).toEqual([...flags, 'send', 'a b', '--', ''])
    expect(resolve(cwd ?? root, words[3]!)).toBe(join(root, 'cli', 'src', 'start.ts'))
  }
})

test('the stub that stands there before Bun is installed, or nothing, is left to Node to mend', () => {
  for (const prepare of [() => standIn(bun, 'stub'), () => rmSync(bun)]) {
    prepare()
    const { words, ...rest } = run(join(bin, 'claudemesh'))
    expect(rest).toEqual({ status: 7, name: 'node', isSame: true })
    expect(words).toEqual([join(bin, 'claudemesh.mjs'), 'send', 'a b', '--', ''])
  }
})
