/** The command line as a process of its own, beside a daemon that runs in this one. */
import { claudemesh } from '@claudemesh/testkit'
import type { Machine } from './world.ts'

/** Runs to its end. Throws unless it ends with 0. */
export async function command({ home }: Machine, ...words: string[]) {
  const env = { ...process.env, CLAUDEMESH_HOME: home, NO_COLOR: '1' }
  const child = Bun.spawn(claudemesh(...words), { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) !== 0) throw new Error(`claudemesh ${words.join(' ')}: ${stderr}${stdout}`)
  return { stdout, stderr }
}
