/** What delivery asks of sessions and mail. It knows sessions by their UUID alone: one that is in several meshes has the mail of all. */
import type { DeliveryPort } from '../delivery/port.ts'
import { WAY_WORDS } from '../delivery/rungs.ts'
import type { DaemonLog } from './log.ts'
import type { Mail, Mailbox } from './mail.ts'
import type { Sessions } from './sessions.ts'

export function deliveryPort(p: {
  sessions: Sessions
  mail: Mail
  log: DaemonLog
  now: () => number
}): DeliveryPort {
  const { sessions, mail, log, now } = p
  const open = (uuid: string) => sessions.byUuid(uuid).filter(({ row }) => row.open)
  const boxes = (uuid: string): Mailbox[] => sessions.byUuid(uuid).map(({ mesh }) => ({ mesh, uuid }))
  return {
    waiting: uuid => open(uuid).flatMap(seat => mail.waiting(seat)),
    toAnnounce: uuid =>
      open(uuid)
        .filter(({ row }) => row.deliver === 'inbox')
        .flatMap(({ mesh }) => mail.list({ mesh, uuid }, { all: false })),
    pushed: (uuid, ids, way) => {
      for (const box of boxes(uuid)) mail.markPushed(box, ids, WAY_WORDS[way])
    },
    unconfirmed: (uuid, ids, way) => {
      for (const box of boxes(uuid)) mail.note(box, ids, 'unconfirmed', WAY_WORDS[way])
    },
    surfaced: (uuid, ids) => {
      for (const box of boxes(uuid)) mail.markSurfaced(box, ids)
    },
    held: (uuid, ids, why) => {
      for (const box of boxes(uuid)) mail.report(box, ids, 'held', why)
    },
    log,
    now,
  }
}
