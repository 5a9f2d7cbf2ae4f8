/** A headless Chromium: the one on PATH, else the one that `@sparticuz/chromium` unpacks, else a reason why there is none. */
import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import sparticuz from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const QUIET = ['--disable-gpu', '--disable-background-networking', '--no-first-run']

function onPath(): string | undefined {
  const candidates = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap(dir => NAMES.map(name => join(dir, name)))
  return candidates.find(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function launch(executablePath: string, args: string[]): Promise<Browser> {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath, args: [...args, ...QUIET, ...sandbox], headless: true })
}

/** Unpacks the packed browser into `folder`: what another user left in the shared temporary folder is not ours to run. */
async function unpack(folder: string): Promise<string> {
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  try {
    if (tmpdir() !== folder) throw new Error('the temporary folder cannot be chosen here')
    return await sparticuz.executablePath()
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

/** Starts a browser, or says why none starts. `folder`: scratch space that outlives it. */
export async function startChromium(
  folder: string,
): Promise<{ browser: Browser; why?: never } | { browser?: never; why: string }> {
  const installed = onPath()
  const attempts = [
    ...(installed ? [() => launch(installed, [])] : []),
    async () => launch(await unpack(folder), sparticuz.args),
  ]
  const why: string[] = []
  for (const attempt of attempts) {
    try {
      return { browser: await attempt() }
    } catch (error) {
      why.push(error instanceof Error ? error.message.split('\n').slice(0, 3).join(' ') : String(error))
    }
  }
  return { why: why.join('; ') }
}
