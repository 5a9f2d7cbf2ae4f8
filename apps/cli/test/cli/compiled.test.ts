/** The compiled program, in a copy of this tree: it runs, and never in place of a source that has changed since. */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { type Compiled, identity } from '../../src/compiled/current.ts'

const HERE = fileURLToPath(new URL('../../../../', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'cm compiled-'))
let tree = join(scratch, 'tree')
const parts = [
  'apps/cli',
  'apps/broker',
  ...['claude', 'client', 'crypto', 'db', 'protocol'].map(of => `packages/${of}`),
]
for (const part of parts)
  cpSync(join(HERE, part), join(tree, part), {
    recursive: true,
    verbatimSymlinks: true,
    filter: path => !/\/(?:test|\.cache)$/.test(path),
  })
symlinkSync(join(HERE, 'node_modules'), join(tree, 'node_modules'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const cache = () => join(tree, 'apps/cli/node_modules/.cache')
const current = (): Compiled => JSON.parse(readFileSync(join(cache(), 'claudemesh/current.json'), 'utf8'))

function run(file: string, ...args: string[]): string {
  const program = join(tree, 'apps/cli/src', file)
  const words = ['--no-env-file', '--no-install', '--config=/dev/null', program, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: scratch,
    env: { HOME: scratch },
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

const SOURCE = 'apps/cli/src/program.ts'
/** What `--help` begins with, as long as each other. */
const [WRITTEN, EDITED, MARKED] = ['end to end encrypted', 'end to end scrambled', 'end to end COMPILED']

/** Makes the compiled program say of itself that it is the one that runs. */
function mark(said = /end to end \w+/): void {
  const compiled = current()
  for (const file of Object.keys(compiled.files).filter(name => name.endsWith('.js'))) {
    const path = join(tree, file)
    const text = readFileSync(path, 'utf8')
    if (!said.test(text)) continue
    writeFileSync(path, text.replace(said, MARKED))
    compiled.files[file] = identity(path)
  }
  writeFileSync(join(cache(), 'claudemesh/current.json'), JSON.stringify(compiled))
}
const edit = (from: string, to: string) => {
  const source = join(tree, SOURCE)
  writeFileSync(source, readFileSync(source, 'utf8').replace(from, to))
}

beforeEach(() => {
  run('compiled/compile.ts')
  mark()
})

test('what was compiled is what runs', () => {
  expect(run('start.ts', '--help')).toBe(run('main.ts', '--help').replace(WRITTEN, MARKED))
})

test('whoever may read the sources may read what they are compiled to', () => {
  const { program, files } = current()
  const folder = statSync(join(tree, dirname(program))).mode & 0o777
  expect(folder).toBe(0o755 & ~process.umask())
  expect(statSync(join(tree, program)).mode & 0o777).toBe(0o644 & ~process.umask())
  expect(files[program]).toBeDefined()
})

test('an edit runs at once, also one that keeps the size and the time of the file', () => {
  const { atime, mtime } = statSync(join(tree, SOURCE))
  edit(WRITTEN, EDITED)
  utimesSync(join(tree, SOURCE), atime, mtime)
  expect(run('start.ts', '--help')).toContain(EDITED)
  edit(EDITED, WRITTEN)
  // The same text, another change: it could have been read in between.
  expect(run('start.ts', '--help')).toContain(WRITTEN)
})

test('a command is held to what it can load, and to all of that', () => {
  const { files, commands } = current()
  const loads = (command: string, file: string) =>
    commands[command]!.includes(Object.keys(files).indexOf(file))
  const [daemon, send, errors] = ['daemon/run', 'commands/send', 'output/error-line'].map(
    name => `apps/cli/src/${name}.ts`,
  )
  expect([loads('daemon', daemon!), loads('send', daemon!), loads('launch', daemon!)]).toEqual([
    true,
    false,
    false,
  ])
  expect([loads('send', send!), loads('launch', send!)]).toEqual([true, false])
  for (const command of Object.keys(commands)) expect(loads(command, errors!), command).toBe(true)
  expect(Object.keys(commands)).toEqual(expect.arrayContaining(['launch', 'send', 'inbox', 'daemon']))
  expect(commands).not.toHaveProperty('completions')

  mark(/start claude as a session/)
  appendFileSync(join(tree, send!), '\n')
  expect(run('start.ts', '--help')).toContain(WRITTEN)
  expect(run('start.ts', 'launch', '--help')).toContain(MARKED)
  appendFileSync(join(tree, errors!), '\n')
})

test('what stays is compiled anew before it starts, what is short is not', () => {
  const { program } = current()
  edit(WRITTEN, EDITED)
  run('start.ts', 'version')
  expect(current().program).toBe(program)
  run('start.ts', 'daemon', 'run', '--help')
  expect(current().program).not.toBe(program)
  expect(readFileSync(join(tree, current().program), 'utf8')).toContain(EDITED)
  edit(EDITED, WRITTEN)
})

test('of a compiled program that is not whole nothing runs', () => {
  truncateSync(join(tree, current().program), 100)
  expect(run('start.ts', '--help')).toContain(WRITTEN)
})

test('a tree that was moved runs from where it is', () => {
  const moved = join(scratch, 'moved')
  renameSync(tree, moved)
  tree = moved
  expect(run('start.ts', '--help')).toContain(WRITTEN)
  run('compiled/compile.ts')
  mark()
  expect(run('start.ts', '--help')).toContain(MARKED)
})

test('where nothing can be written the sources run', () => {
  rmSync(cache(), { recursive: true })
  writeFileSync(cache(), '')
  expect(run('start.ts', 'daemon', 'run', '--help')).toContain('run the daemon here')
  rmSync(cache())
})
