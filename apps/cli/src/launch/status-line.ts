/**
 * Run by Claude Code whenever it draws its status line: what the user's own command says, then mesh, name, unread messages and how
 * the session takes them. Reads the daemon's answer in time or says that there is none; never keeps the client waiting.
 * Imports nothing heavy, as forward-hook.ts.
 */
import { launchedHere } from './launched-here.ts'

/** ms. The client draws without us until we are done. */
const PATIENCE_MS = 200
const OWN_PATIENCE_MS = 2000

const own = process.argv.find(word => word.startsWith('--then='))?.slice('--then='.length)

const [before, ours] = await Promise.all([own === undefined ? '' : theirs(own), line()])
await Bun.write(Bun.stdout, [before.replace(/\n+$/, ''), ours].filter(text => text !== '').join('\n'))
process.exit(0)

/** What the user's status line says, from the same input. */
async function theirs(command: string): Promise<string> {
  try {
    const input = new Uint8Array(await Bun.stdin.arrayBuffer())
    const child = Bun.spawn(['/bin/sh', '-c', command], {
      stdin: input,
      stderr: 'ignore',
      timeout: OWN_PATIENCE_MS,
    })
    return await new Response(child.stdout).text()
  } catch {
    return ''
  }
}

async function line(): Promise<string> {
  try {
    const { home, tokenFile } = (await launchedHere(process.env))!
    const { socket } = await Bun.file(`${home}/daemon.json`).json()
    const token = await Bun.file(tokenFile).text()
    const answer = await fetch('http://localhost/v1/line', {
      unix: socket,
      headers: { authorization: `Bearer ${token.trim()}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    return answer.ok ? await answer.text() : 'mesh: this session is closed'
  } catch {
    return 'mesh: no daemon answers'
  }
}
