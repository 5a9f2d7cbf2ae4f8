/** Tells other nodes of what waits for recipients that are not attached here, one message a mesh. */
import type { WaitingMail } from '../delivery/committed.ts'
import { bytesIndex, recipientIndex } from '../delivery/recipient-index.ts'
import { type Backplane, NEWS_ITEMS } from './news.ts'

/** Who is attached nowhere is told of in vain: nobody here knows where anybody is. */
export function tellMail(backplane: Backplane, waiting: readonly WaitingMail[]): void {
  if (backplane.state !== 'connected') return
  for (const group of Map.groupBy(waiting, one => bytesIndex(one.mesh)).values()) {
    const newest = new Map(group.map(({ recipient, seq }) => [recipientIndex(recipient), { recipient, seq }]))
    const mail = [...newest.values()]
    for (let at = 0; at < mail.length; at += NEWS_ITEMS)
      backplane.tell({ mesh: group[0]!.mesh, mail: mail.slice(at, at + NEWS_ITEMS) })
  }
}
