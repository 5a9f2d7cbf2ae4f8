/** Waits until this process is told to end: by a signal, or, where it is tied to its starter, by the starter's death. */

export type Told = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'orphaned'

/** One press of Ctrl-C can arrive several times: from the terminal, from a package manager, from the launcher. */
const ECHO_MS = 1000

/**
 * The first reason. Tell it again a second later and `impatient` is called: somebody does not want to wait.
 * `tied`: the end of stdin counts; the starter holds its other end and says nothing on it.
 */
export function told(how: { tied: boolean; impatient: () => void }): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Told>()
  let first = 0
  const tell = (reason: Told) => {
    if (first === 0) first = Date.now()
    else if (Date.now() - first > ECHO_MS) how.impatient()
    resolve(reason)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => tell(signal))
  if (how.tied) {
    process.stdin.on('end', () => resolve('orphaned')).on('error', () => resolve('orphaned'))
    process.stdin.resume()
  }
  return promise
}
