/** How long it takes to check a whole audit log from its database, every leaf and every signed head, and how much memory. */
import { claudemesh } from '@claudemesh/testkit'
import { startChild } from './child.ts'
import type { Case } from './report.ts'
import { startStack } from './stack.ts'

export interface VerifyPlan {
  readonly pairs: number
  /** Fewest leaves of the log. */
  readonly leaves: number
}

/** Fills a log by sending messages, then runs `claudemesh audit verify --database` on it. Fails when that finds anything. */
export async function measureVerify({ pairs, leaves }: VerifyPlan): Promise<Case[]> {
  const stack = await startStack()
  const load = startChild('load')
  try {
    await load.hello()
    await load.ask({ do: 'join', port: stack.port, pairs })
    // A message leaves one `accepted`, and its part of a `delivered`.
    await load.ask({ do: 'throughput', ms: Number.MAX_SAFE_INTEGER, messages: leaves })
    const began = performance.now()
    const child = Bun.spawn(claudemesh('audit', 'verify', '--database', stack.databaseUrl, '--json'), {
      env: {
        PATH: process.env.PATH,

        HOME: stack.folder,
        CLAUDEMESH_HOME: `${stack.folder}/home`,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const said = JSON.parse(await new Response(child.stdout).text())
    const ms = performance.now() - began
    if ((await child.exited) !== 0 || said.leaves < leaves)
      throw new Error(`verified ${JSON.stringify(said)}`)
    const { maxRSS, cpuTime } = child.resourceUsage()!
    const name = `audit verify of ${said.leaves.toLocaleString('en')} leaves`
    return [
      { name, unit: 'ms', value: ms, cpuMs: Number(cpuTime.total) / 1000 },
      { name: `${name}: memory`, unit: 'MiB', value: maxRSS / 2 ** 20 },
    ]
  } finally {
    await load.stop()
    await stack.stop()
  }
}
