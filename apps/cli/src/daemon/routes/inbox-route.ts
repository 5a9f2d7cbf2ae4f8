/** Reading mail as JSON lines; what a reader was given is marked read once it is on its way, unless it only peeks. */
import type { InboxMessage as ReleasedMessage } from '@claudemesh/client'
import { MeshError } from '@claudemesh/protocol/errors'
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import type { InboxMessage } from '../../api/schema.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, isSet, speakerOf } from '../http.ts'
import { type Mailbox, Reader } from '../mail.ts'

const LINES = { 'content-type': 'application/x-ndjson' }
const MOST = 10_000

export function inboxRoute(daemon: Daemon): Hono<Env> {
  return new Hono<Env>().get(ROUTES.inbox[1], call => {
    const boxes = mailboxesOf(daemon, call)
    const model = isForModel(call)
    const read = { all: isSet(call, 'all') && !model, peek: isSet(call, 'peek'), model }
    if (isSet(call, 'follow')) return new Response(following(daemon, boxes, read), { headers: LINES })
    const lines: string[] = []
    for (const box of boxes)
      lines.push(
        ...give(daemon, box, read, daemon.mail.list(box, read).slice(0, limitOf(call) - lines.length)),
      )
    return new Response(lines.join(''), { headers: LINES })
  })
}

/** The speaker's; the person's in every mesh, if none is named. */
function mailboxesOf(daemon: Daemon, call: Call): Mailbox[] {
  const asks = { as: asked(call, 'as'), mesh: asked(call, 'mesh') }
  if (call.get('caller').kind === 'user' && asks.as === undefined && asks.mesh === undefined)
    return daemon.meshes.all.map(mesh => ({ mesh, uuid: null }))
  const { mesh, speaker } = speakerOf(daemon, call, asks)
  return [{ mesh, uuid: speaker?.row.uuid ?? null }]
}

interface Reading {
  readonly all: boolean
  readonly peek: boolean
  readonly model: boolean
}

/** Throws `forbidden` for a caller that has no model. */
function isForModel(call: Call): boolean {
  if (!isSet(call, 'model')) return false
  if (call.get('caller').kind === 'session') return true
  throw new MeshError('forbidden', 'Only a session has a model to show its mail to.', { field: 'model' })
}

/** Lines for what a reader is given now. */
function give(
  daemon: Daemon,
  box: Mailbox,
  { peek, model }: Reading,
  messages: readonly InboxMessage[],
): string[] {
  const ids = messages.map(message => message.id)
  const isProvenLater = model && box.uuid !== null && daemon.delivery.asked(box.uuid, ids)
  if (!isProvenLater && !peek) daemon.mail.markRead(box, ids)
  if (!peek && box.uuid !== null) daemon.noise.read(box.uuid, ids)
  return messages.map(message => `${JSON.stringify(message)}\n`)
}

interface Look {
  readonly all?: boolean
  readonly released?: readonly ReleasedMessage[] | undefined
}

function following(daemon: Daemon, boxes: readonly Mailbox[], read: Reading): ReadableStream<Uint8Array> {
  const text = new TextEncoder()
  const readers = new Map(boxes.map(box => [box, new Reader()]))
  let end = () => {}
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const look = (box: Mailbox, { all = false, released }: Look = {}) => {
        const reader = readers.get(box)!
        const last = released?.at(-1)?.position ?? Number.POSITIVE_INFINITY
        for (let first = released; ; first = undefined) {
          const fresh = daemon.mail.next(box, reader, { all }, first)
          if (fresh.length === 0) return
          for (const line of give(daemon, box, read, fresh)) controller.enqueue(text.encode(line))
          // What is released after these is told by itself.
          if (reader.after >= last) return
        }
      }
      const stop = daemon.mail.follow((changed, released) => {
        const box = boxes.find(each => each.mesh === changed.mesh && each.uuid === changed.uuid)
        if (box) look(box, { released })
      })
      const close = () => {
        end()
        controller.close()
      }
      end = () => {
        stop()
        daemon.ending.removeEventListener('abort', close)
      }
      daemon.ending.addEventListener('abort', close)
      // The first bytes say that the answer has begun, also where there is no mail.
      controller.enqueue(text.encode('\n'))
      for (const box of boxes) look(box, { all: read.all })
    },
    cancel: () => end(),
  })
}

function limitOf(call: Call): number {
  const limit = asked(call, 'limit')
  if (limit === undefined) return MOST
  if (/^[1-9]\d{0,3}$/.test(limit)) return Number(limit)
  throw new MeshError('bad-field', 'limit is a number from 1 to 9999', { field: 'limit' })
}
