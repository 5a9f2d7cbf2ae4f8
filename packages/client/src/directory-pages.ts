/** The directory page by page: while one is taken, the next is read by the broker and its signatures are verified on other threads. */
import {
  type CertificateVerdict,
  isSameCertificate,
  judgeCertificate,
  judgePresence,
} from '@claudemesh/crypto'
import { type BrokerFrameOf, type Certificate, type DirectoryEntry, MeshError } from '@claudemesh/protocol'
import type { Link } from './connection/link.ts'
import type { RecipientKey } from './store.ts'

/** On one entry; what is absent was not judged. */
export interface Verdicts {
  readonly certificate?: CertificateVerdict
  readonly presence?: boolean
}
export interface DirectoryPage {
  readonly entries: readonly DirectoryEntry[]
  /** On each entry, in their order; `undefined` where there are few. */
  readonly verdicts: readonly Verdicts[] | undefined
  /** Who was told of since the page was asked for: what it says of them may be older. */
  readonly told: ReadonlySet<RecipientKey>
}
interface PagesPort {
  /** Whoever is told of is to be added to each of these. */
  readonly listeners: Set<Set<RecipientKey>>
  /** What was verified before of the session of this certificate. */
  readonly known: (certificate: Certificate) => Certificate | undefined
  /** A page came, and is not verified yet. */
  readonly came: (isLast: boolean) => void
}

const MAX_PAGES = 10_000
/** Fewer are verified at once: going to another thread is worth it for a crowd alone. */
const CROWD = 16

/** Throws what the link throws, and `unreachable` where it ended meanwhile: the next one tells what this one cannot know. */
export async function* directoryPages(
  link: Link,
  { listeners, known, came }: PagesPort,
): AsyncGenerator<DirectoryPage> {
  let isOver = false
  link.closed.then(() => {
    isOver = true
  })
  const mine: Set<RecipientKey>[] = []
  const ask = (cursor: string | null) => {
    const told = new Set<RecipientKey>()
    mine.push(told)
    listeners.add(told)
    const reply: Promise<BrokerFrameOf<'directory'>> = link.request(
      { type: 'directory', cursor },
      'directory',
    )
    const judged = reply.then(({ entries }) => judgeAside(entries, known))
    // Nobody waits for it where the page before it failed.
    judged.catch(() => {})
    return { told, reply, judged }
  }
  try {
    let next: ReturnType<typeof ask> | undefined = ask(null)
    for (let page = 0; next && page < MAX_PAGES; page++) {
      const { told, judged } = next
      const { entries, cursor }: BrokerFrameOf<'directory'> = await next.reply
      next = cursor === null ? undefined : ask(cursor)
      came(next === undefined)
      const verdicts = await judged
      if (isOver) throw new MeshError('unreachable', 'the connection to the broker ended')
      yield { entries, verdicts, told }
    }
  } finally {
    for (const told of mine) listeners.delete(told)
  }
}

/** A certificate that is `known` byte by byte was verified before. */
async function judgeAside(
  entries: readonly DirectoryEntry[],
  known: PagesPort['known'],
): Promise<Verdicts[] | undefined> {
  if (entries.length < CROWD) return undefined
  return Promise.all(
    entries.map(async ({ certificate, presence }): Promise<Verdicts> => {
      const held = known(certificate)
      const isKnown = held !== undefined && isSameCertificate(certificate, held)
      const [ofCertificate, ofPresence] = await Promise.all([
        isKnown ? undefined : judgeCertificate(certificate),
        presence ? judgePresence(presence) : undefined,
      ])
      return {
        ...(ofCertificate !== undefined && { certificate: ofCertificate }),
        ...(ofPresence !== undefined && { presence: ofPresence }),
      }
    }),
  )
}
