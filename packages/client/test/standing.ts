/** What a client stood at when something waited for did not come: a test that hangs says so instead. */
import type { MeshClient } from '../src/index.ts'

/** Half of a test's own limit: no step of one takes so long, on a slow machine either. */
const PATIENCE_MS = 90_000
const LINES_KEPT = 40

const logs = new WeakMap<MeshClient, string[]>()

/** Keeps the newest lines of this client's log for `standing`. */
export function noteLine(client: MeshClient, event: string, facts: Record<string, unknown> = {}): void {
  const lines = logs.get(client) ?? []
  logs.set(client, lines)
  lines.push(`${new Date().toISOString()} ${event} ${JSON.stringify(facts)}`)
  if (lines.length > LINES_KEPT) lines.shift()
}

function standing(client: MeshClient): string {
  const { state, why } = client
  const { rosterSeq, epoch, members, problems, clockOffsetMs } = client.view()
  const head = client.auditHead()?.checkpoint
  const outbox = client
    .outbox({})
    .map(message => message.recipients.map(({ state: at, why: cause }) => [at, cause].join(' ')))
  const facts = {
    state,
    why: why && `${why.code}: ${why.message}`,
    rosterSeq,
    epoch,
    members,
    problems,
    clockOffsetMs,
    head: head && { size: head.size, rosterSeq: head.rosterSeq },
    attached: client.attached(null),
    outbox,
    inbox: client.inbox({}).length,
  }
  return [JSON.stringify(facts, null, 1), ...(logs.get(client) ?? [])].join('\n')
}

/** Resolves when `holds` does, looked at now and whenever `listen` calls; rejects after 90 s with where the client then stands. */
export function waited(
  holds: () => boolean,
  client: () => MeshClient,
  listen: (look: () => void) => () => void,
): Promise<void> {
  const late = new Error()
  return new Promise((resolve, reject) => {
    let stop = (): void => {}
    const timer = setTimeout(() => {
      stop()
      late.message = `still not so after ${PATIENCE_MS / 1000} s: ${holds}\n${standing(client())}`
      reject(late)
    }, PATIENCE_MS)
    const look = (): void => {
      if (!holds()) return
      clearTimeout(timer)
      stop()
      resolve()
    }
    stop = listen(look)
    look()
  })
}
