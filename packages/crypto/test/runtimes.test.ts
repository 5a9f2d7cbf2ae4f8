import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChromium } from './chromium.ts'
import { checks } from './suite.ts'

describe('on Bun', () => {
  for (const { name, run } of checks) test(name, run)
})

const dir = await mkdtemp(join(tmpdir(), 'crypto-suite-'))
afterAll(() => rm(dir, { recursive: true, force: true }))

async function bundle(target: 'node' | 'browser'): Promise<string> {
  const entry = join(import.meta.dirname, 'suite-main.ts')
  const built = await Bun.build({ entrypoints: [entry], target, format: 'esm', outdir: join(dir, target) })
  expect(built.success).toBe(true)
  return built.outputs[0]!.path
}

/** What the bundle says of itself: that it does not run on Bun, how many checks ran, and which failed. */
const allPassed = { bun: false, ran: checks.length, failed: [] }

describe('on Node', () => {
  test('every check holds there too', { timeout: 120_000 }, async () => {
    const node = spawn('node', [await bundle('node')], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    for await (const chunk of node.stdout) out += chunk
    expect(JSON.parse(out)).toEqual(allPassed)
  })
})

describe('in Chromium', async () => {
  const chromium = await startChromium(dir)
  afterAll(() => chromium.browser?.close())
  if (!chromium.browser) console.warn(`the suite does not run in Chromium here: ${chromium.why}`)
  let server: ReturnType<typeof Bun.serve>
  beforeAll(async () => {
    const script = await bundle('browser')
    const page = '<!doctype html><title>suite</title><script type="module" src="/suite.js"></script>'
    const html = { headers: { 'content-type': 'text/html' } }
    server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: request =>
        request.url.endsWith('.js') ? new Response(Bun.file(script)) : new Response(page, html),
    })
  })
  afterAll(() => server.stop(true))
  test.skipIf(!chromium.browser)('every check holds there too', { timeout: 180_000 }, async () => {
    const page = await chromium.browser!.newPage()
    const said = new Promise<string>((resolve, reject) => {
      page.on('console', message => resolve(message.text()))
      page.on('pageerror', reject)
    })
    await page.goto(server.url.href)
    expect(JSON.parse(await said)).toEqual(allPassed)
  })
})
