#!/usr/bin/env node
/**
 * Runs `claudemesh` on Bun where bin/claudemesh has not found it, and is invisible while it does: terminal, exit code and
 * signals are the program's own. Node built-ins only: it must work before anything else does.
 */
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const start = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'start.ts')

/** Smaller than any Bun, larger than the stub that stands in its place before its install script ran. */
const STUB_BYTES = 1 << 20

/** Bun's binary: where the install script of `bun` moved it, or still in the platform package where that did not run. */
function findBun() {
  const manifest = createRequire(import.meta.url).resolve('bun/package.json')
  const moved = join(dirname(manifest), 'bin', 'bun.exe')
  if ((statSync(moved, { throwIfNoEntry: false })?.size ?? 0) > STUB_BYTES) return moved
  const beside = createRequire(manifest)
  const arch = { x64: 'x64', arm64: 'aarch64' }[process.arch]
  const installed = Object.keys(beside(manifest).optionalDependencies)
    .filter(name => name.startsWith(`@oven/bun-${process.platform}-${arch}`) && !name.endsWith('-android'))
    .map(name => {
      try {
        return { name, file: join(dirname(beside.resolve(`${name}/package.json`)), 'bin', 'bun') }
      } catch {
        return { name, file: '' }
      }
    })
    .filter(({ file }) => file !== '' && existsSync(file))
  if (installed.length < 2) return installed[0]?.file
  return (installed.find(({ name }) => name.includes('-musl') === onMusl()) ?? installed[0]).file
}

/** Asked only where packages for both C libraries are installed: the report costs some ms. */
function onMusl() {
  if (process.platform !== 'linux') return false
  process.report.excludeNetwork = true
  return process.report.getReport().header.glibcVersionRuntime === undefined
}

function fail(why) {
  process.stderr.write(`claudemesh: ${why}\n`)
  process.exit(1)
}

let bun
try {
  bun = findBun()
} catch {
  fail('the package `bun` is not installed: run `npx -y pnpm@12 install` in the repository.')
}
if (bun === undefined)
  fail(
    `Bun for ${process.platform}-${process.arch} is not installed: run \`npx -y pnpm@12 install\` on this machine.`,
  )

// Neither .env nor bunfig.toml of the folder somebody happens to stand in may change what claudemesh does.
const child = spawn(
  bun,
  ['--no-env-file', '--no-install', '--config=/dev/null', start, ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
const passOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']
for (const signal of passOn)
  process.on(signal, () => {
    // A key on the terminal reaches the whole foreground group: the child already has it.
    const byKey = onTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT')
    if (!byKey) child.kill(signal)
  })
child.on('error', error => fail(`Bun cannot be started (${error.code}): ${bun}`))
child.on('exit', (code, signal) => {
  for (const name of passOn) process.removeAllListeners(name)
  if (signal === null) process.exit(code ?? 1)
  process.kill(process.pid, signal)
  // Reached only where that signal does not end a process.
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1000)
})
