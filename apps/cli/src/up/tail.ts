/** The end of a log file, and what is written to it from then on, also over its rotation. */
import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'

/** Whole lines, oldest first. With `follow` it ends only when its reader stops. Throws `not-found` without the file. */
export async function* tail(file: string, how: { lines: number; follow: boolean }): AsyncIterable<string> {
  const whole = readFrom(file, 0)
  if (whole === undefined) throw new MeshError('not-found', `Nothing has been written yet: ${file}`)
  const lines = whole.toString().split('\n')
  let rest = lines.pop() ?? ''
  yield* how.lines === 0 ? [] : lines.slice(-how.lines)
  if (!how.follow) return
  let at = whole.length
  let { ino } = statSync(file)
  for await (const _ of changes(file)) {
    const now = statSync(file, { throwIfNoEntry: false })
    if (now === undefined) continue
    if (now.ino !== ino || now.size < at) [at, ino, rest] = [0, now.ino, '']
    const more = readFrom(file, at)
    if (more === undefined || more.length === 0) continue
    at += more.length
    const next = (rest + more.toString()).split('\n')
    rest = next.pop() ?? ''
    yield* next
  }
}

/** From byte `at` on; `undefined` without the file. */
function readFrom(file: string, at: number): Buffer | undefined {
  try {
    return readFileSync(file).subarray(at)
  } catch {
    return undefined
  }
}

async function* changes(file: string): AsyncIterable<void> {
  let wake = Promise.withResolvers<void>()
  // What was written before the watch began.
  wake.resolve()
  const watcher: FSWatcher = watch(dirname(file), (_, name) => {
    if (name === null || name === basename(file)) wake.resolve()
  })
  try {
    for (;;) {
      await wake.promise
      wake = Promise.withResolvers<void>()
      yield
    }
  } finally {
    watcher.close()
  }
}
