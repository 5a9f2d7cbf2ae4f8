/** Tells a mesh's sockets how sessions stand now: lease, signed record and hook status as the directory shows them. A crowd is told together. */
import { encodeBrokerFrame, type Recipient } from '@claudemesh/protocol'
import { NEWS_ITEMS } from '../backplane/news.ts'
import type { Broker } from '../broker.ts'
import { recipientIndex } from '../delivery/recipient-index.ts'
import type { MemberSocket, MeshState, Untold } from '../roster/mesh-state.ts'
import { statusLimits, withHookStatus } from './hook-status.ts'

/** One look of a mesh in this time, ms, so that a crowd is told of together; who comes alone is told of at once, since a few looks may be saved up. */
const LOOK_MS = 50
const SAVED_LOOKS = 8
/** The same while a crowd passes the turnstile: its sessions come one by one, each in another mesh. */
const CROWD_LOOK_MS = 500
/** After a look that the database did not answer the next one waits this long, ms, and twice as long each time it fails again. */
const RETRY_MS = 1000
const LAST_RETRY_MS = 30_000
/** Sessions of one look, so that what a socket gets at once stays far below what may wait for its reader. */
const SESSIONS_A_LOOK = 64

/** Tells all sockets of the mesh but `except`, on every node, of each session of `recipients`; persons have no presence. Never throws: who cannot be looked up is looked up again. */
export function tellPresence(
  broker: Broker,
  id: Uint8Array,
  recipients: readonly Recipient[],
  except?: MemberSocket,
): void {
  const sessions = sessionsOf(recipients)
  for (let at = 0; at < sessions.length; at += NEWS_ITEMS)
    broker.backplane.tell({ mesh: id, presence: sessions.slice(at, at + NEWS_ITEMS) })
  const mesh = broker.meshes.peek(id)
  if (mesh !== undefined) tellHere(broker, mesh, sessions, except)
}

/** The same for the sockets of this node alone, however much of it at once: one look at a time, each for all that came meanwhile. */
export function tellHere(
  broker: Broker,
  mesh: MeshState,
  recipients: readonly Recipient[],
  except?: MemberSocket,
): void {
  for (const recipient of sessionsOf(recipients)) {
    putOn(mesh, recipientIndex(recipient), { recipient, except })
  }
  if (!mesh.telling && mesh.untold.size > 0) void tellUntold(broker, mesh)
}

async function tellUntold(broker: Broker, mesh: MeshState, retryMs = RETRY_MS): Promise<void> {
  mesh.telling = true
  const taken = new Map<string, Untold>()
  for (const [index, untold] of mesh.untold) {
    if (taken.size === SESSIONS_A_LOOK) break
    taken.set(index, untold)
    mesh.untold.delete(index)
  }
  const isTold = await tell(broker, mesh, taken)
  if (!isTold) for (const [index, untold] of taken) putOn(mesh, index, untold)
  const goOn = () => {
    mesh.telling = false
    if (mesh.untold.size > 0 && !broker.draining)
      void tellUntold(broker, mesh, isTold ? RETRY_MS : Math.min(2 * retryMs, LAST_RETRY_MS))
  }
  const wait = isTold ? nextLookIn(mesh, broker) : retryMs
  if (wait > 0) broker.clock.after(wait, goOn)
  else goOn()
}

/** What changed by several sockets is known whole to none of them. */
function putOn({ untold }: MeshState, index: string, { recipient, except }: Untold): void {
  const waiting = untold.get(index)
  const known = waiting === undefined || waiting.except === except ? except : undefined
  untold.set(index, { recipient, except: known })
}

/** Takes a look that is saved up; ms until there is one. A clock that was set back delays no more than one that runs. */
function nextLookIn(mesh: MeshState, { clock, turnstiles }: Broker): number {
  const now = clock.now()
  const lookMs = turnstiles.crowded ? CROWD_LOOK_MS : LOOK_MS
  const since = Math.max(Math.min(mesh.looksUntil, now), now - SAVED_LOOKS * LOOK_MS)
  mesh.looksUntil = since + lookMs
  return mesh.looksUntil - now
}

/** False where the database did not answer: nobody was told. */
async function tell(
  { db, clock, log, settings, node }: Broker,
  mesh: MeshState,
  sessions: ReadonlyMap<string, Untold>,
): Promise<boolean> {
  if (mesh.sockets.size === 0) return true
  const frames: { text: string; except: MemberSocket | undefined }[] = []
  try {
    const now = clock.now()
    const recipients = [...sessions.values()].map(({ recipient }) => recipient)
    for (const { changedAt, ...found } of await db.directoryOf({ mesh: mesh.id, recipients, node })) {
      const { member, session } = found.certificate
      const index = recipientIndex({ member, session })
      // Reads overtake each other: what was told already may be newer than what this one found.
      if ((mesh.told.get(index) ?? 0) > changedAt) continue
      mesh.told.set(index, changedAt)
      const entry = withHookStatus(found, now, statusLimits(settings))
      frames.push({
        text: encodeBrokerFrame({ type: 'presence', entry }),
        except: sessions.get(index)?.except,
      })
    }
  } catch (cause) {
    log.error('presence.untold', cause)
    return false
  }
  for (const socket of mesh.sockets) {
    for (const { text, except } of frames) if (socket !== except) socket.queueOut(text)
    socket.flushOut()
  }
  return true
}

const sessionsOf = (recipients: readonly Recipient[]) =>
  recipients.filter(recipient => recipient.session !== null)
