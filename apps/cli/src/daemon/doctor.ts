/** Looks at every link of the chain, from this machine's files to the broker, and says how to mend each. */
import { statfsSync } from 'node:fs'
import { claudeVersion, HOW_TO_INSTALL, locateClaude } from '@claudemesh/claude'
import { recipientOfKey } from '@claudemesh/client'
import { WAY_WORDS } from '../delivery/rungs.ts'
import { looseFiles } from '../home/index.ts'
import type { Daemon } from './daemon.ts'
import { labeller } from './labels.ts'
import type { OpenMesh } from './meshes.ts'
import { whyPending } from './outbox-view.ts'
import { unopenedSince } from './store/unopened.ts'
import { runningTwice } from './two-processes.ts'
import { standings, takenNames } from './verification.ts'
import { whenOnline } from './when-online.ts'
import { whoIn } from './who.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly message: string
  /** What to do; `null` where all is well. */
  readonly fix: string | null
}

/** Past this, certificates and envelopes made here are refused (SPEC section 4). */
const CLOCK_MS = 5 * 60_000
/** What leaves nobody's machine for so long is stuck. */
const STUCK_MS = 10 * 60_000
/** Mail that did not open is told of for so long. */
const UNOPENED_MS = 24 * 3_600_000
/** Steps at which honest mail ends too: a prekey or opener that is erased, a sender who was removed, an end that is past. */
const ORDINARY: readonly string[] = ['prekey', 'opener', 'member', 'time']
const MIB = 1 << 20
/** What is queued and received, its log, and the daemon's own, for a while. */
const ROOM_BYTES = 32 * MIB

export async function diagnose(daemon: Daemon): Promise<Check[]> {
  await Promise.all(daemon.meshes.all.map(({ client }) => whenOnline(client)))
  return [
    well('daemon', `version ${daemon.version}, process ${process.pid}`),
    checkFiles(daemon),
    checkDisk(daemon),
    checkStore(daemon),
    checkClaude(),
    ...daemon.meshes.problems.map(({ mesh, message }) =>
      ill(`mesh ${mesh.slice(0, 8)}`, message, 'restore the file from a backup'),
    ),
    ...daemon.sessions.problems.map(({ message }) =>
      ill('session', message, 'restore the file from a backup'),
    ),
    ...checkJoined(daemon),
    ...daemon.meshes.all.flatMap(mesh => checkMesh(daemon, mesh)),
  ]
}

const well = (name: string, message: string): Check => ({ name, ok: true, message, fix: null })
const ill = (name: string, message: string, fix: string): Check => ({ name, ok: false, message, fix })

function checkFiles({ paths }: Daemon): Check {
  const loose = looseFiles(paths)
  if (loose.length === 0) return well('files', 'only you can read the keys')
  return ill('files', `others have rights to ${loose.join(', ')}`, `chmod -R go= ${paths.home}`)
}

function checkDisk({ paths }: Daemon): Check {
  const { bavail, bsize } = statfsSync(paths.home)
  const free = `${Math.floor((bavail * bsize) / MIB)} MiB are free for ${paths.home}`
  return bavail * bsize >= ROOM_BYTES
    ? well('disk', free)
    : ill('disk', free, 'make room there: nothing can be sent or received that cannot be stored')
}

function checkStore({ file, paths }: Daemon): Check {
  const found = file.check()
  return found === 'ok'
    ? well('store', 'whole')
    : ill(
        'store',
        `damaged: ${found.slice(0, 200)}`,
        `stop the daemon and restore ${paths.store} from a backup`,
      )
}

function checkClaude(): Check {
  const path = locateClaude(process.env)
  const version = path === undefined ? undefined : claudeVersion(path)
  return version === undefined
    ? well('claude', `not on the path of the daemon; only \`claudemesh launch\` needs it (${HOW_TO_INSTALL})`)
    : well('claude', `version ${version}`)
}

const checkJoined = ({ meshes }: Daemon): Check[] =>
  meshes.all.length + meshes.problems.length > 0
    ? []
    : [ill('mesh', 'none is joined', 'claudemesh join <link>, or claudemesh up')]

function checkMesh(daemon: Daemon, mesh: OpenMesh): Check[] {
  const { client } = mesh
  const { name, host, clockOffsetMs } = client.view()
  const called = (what: string) => `${name}: ${what}`
  return [
    client.state === 'online'
      ? well(called('broker'), `${host} answers`)
      : ill(called('broker'), `${host}: ${whyPending(mesh) ?? client.state}`, fixOf(mesh)),
    checkClock(called('clock'), clockOffsetMs),
    checkRoster(called('roster'), mesh),
    ...checkState(called('state'), mesh),
    checkAudit(called('audit'), mesh),
    checkOutbox(daemon, mesh, called('outbox')),
    checkInbox(daemon, mesh, called('inbox')),
    ...checkSessions(daemon, mesh, called('sessions')),
    ...checkDelivery(daemon, mesh, called('delivery')),
    ...runningTwice(daemon, mesh).map(message =>
      ill(called('sessions'), message, 'end one of the two; a session is driven from one process at a time'),
    ),
    checkKeys(daemon, mesh, called('keys')),
  ]
}

function checkRoster(name: string, { client }: OpenMesh): Check {
  const { rosterSeq, members, problems, unconfirmedSince } = client.view()
  const told = problems
    .filter(({ code }) => code !== 'set-back' && code !== 'store')
    .map(problem => problem.message)
    .join('; ')
  if (told !== '') return ill(name, told, 'ask the other members; do not send until it is clear')
  if (unconfirmedSince === null) return well(name, `verified to entry ${rosterSeq}, ${members} members`)
  return ill(
    name,
    `verified to entry ${rosterSeq}, unconfirmed since ${new Date(unconfirmedSince).toISOString()}: no other member was heard of since then`,
    'ask another member for the last entry that its doctor names; a broker that cuts you off looks like this',
  )
}

/** Nothing is there to see where the state of this home is the newest. */
function checkState(name: string, { client }: OpenMesh): Check[] {
  const { problems } = client.view()
  const told = (code: string, fix: string) =>
    problems.filter(problem => problem.code === code).map(({ message }) => ill(name, message, fix))
  return [
    ...told(
      'set-back',
      'ask the others what they wrote since; run one machine with these keys, and `remove` one that was stolen',
    ),
    ...told('store', 'see `disk` and `store` above; it is tried again by itself'),
  ]
}

function checkAudit(name: string, { client }: OpenMesh): Check {
  const { why } = client
  if (why?.code === 'integrity' && why.message.startsWith('audit:'))
    return ill(
      name,
      why.message,
      'keep what `claudemesh audit head` prints and ask the owner of the mesh; after a restore the owner types: claudemesh audit accept',
    )
  const head = client.auditHead()
  if (!head) return well(name, 'the broker has signed no log yet')
  return well(name, `${head.checkpoint.size} leaves, each signed head proven to follow the one before`)
}

function fixOf({ client }: OpenMesh): string {
  if (client.state === 'removed')
    return 'you are no member any more: claudemesh mesh leave, then join by a new invite'
  if (client.state === 'stopped') return 'nothing is sealed until this is clear: ask the owner of the mesh'
  return 'see that the broker runs and can be reached from here; the daemon goes on trying'
}

function checkKeys({ sessions }: Daemon, mesh: OpenMesh, name: string): Check {
  const who = whoIn(mesh, sessions)
  const taken = takenNames(who)
  if (taken.length > 0)
    return ill(name, taken.join('; '), 'compare numbers with them, or put them out: claudemesh remove <key>')
  const others = who.members.filter(({ self }) => !self)
  const verified = others.filter(({ key }) => standings(who)(key).verified).length
  return well(name, `${verified} of ${others.length} others verified by you`)
}

function checkClock(name: string, offset: number | null): Check {
  if (offset === null) return well(name, 'not compared yet: no broker has answered since the start')
  const seconds = Math.round(Math.abs(offset) / 1000)
  if (Math.abs(offset) < CLOCK_MS) return well(name, `within ${seconds} s of the broker's`)
  return ill(
    name,
    `${seconds} s ${offset > 0 ? 'behind' : 'ahead of'} the broker's`,
    'set the clock of this machine (NTP)',
  )
}

function checkOutbox({ now }: Daemon, { client }: OpenMesh, name: string): Check {
  const dead = client.outbox({ dead: true }).length
  const unsent = client
    .outbox({ open: true })
    .filter(message => now() - message.composedAt > STUCK_MS)
    .filter(message => message.recipients.some(({ state }) => state === 'pending' || state === 'sealed'))
  if (dead > 0)
    return ill(name, `${dead} messages were given up`, 'claudemesh outbox shows them; retry or drop')
  if (unsent.length > 0)
    return ill(name, `${unsent.length} messages wait for over 10 minutes`, 'claudemesh outbox says why')
  return well(name, `${client.outboxCount()} on their way`)
}

/** Nobody is accused: of what did not open only the header was read, and anybody on the way can write one. */
function checkInbox({ now, sessions }: Daemon, mesh: OpenMesh, name: string): Check {
  const unopened = unopenedSince(mesh.store.scope, now() - UNOPENED_MS)
  const changed = unopened.filter(({ reason }) => !ORDINARY.includes(reason))
  const last = changed.at(-1)
  if (unopened.length === 0) return well(name, 'all that came in a day opened')
  if (last === undefined)
    return well(
      name,
      `${unopened.length} of a day did not open, each for an erased key, a removal or its age`,
    )
  const from = labeller(whoIn(mesh, sessions))(recipientOfKey(last.from))
  const steps = [...new Set(changed.map(({ reason }) => reason))].join(', ')
  return ill(
    name,
    `${changed.length} of a day did not open (${steps}), the last at ${new Date(last.at).toISOString()}; its header says it is from ${from}`,
    'its sender was told and seals it again; where it goes on, mail is changed on its way: ask the owner of the mesh',
  )
}

function checkSessions({ sessions }: Daemon, mesh: OpenMesh, name: string): Check[] {
  const open = sessions.of(mesh).filter(({ row }) => row.open)
  const detached = open.filter(({ row }) => !mesh.client.attached(row.uuid))
  if (open.length === 0 || mesh.client.state !== 'online') return []
  if (detached.length === 0) return [well(name, `${open.length} open and attached`)]
  const names = detached.map(({ row }) => row.name).join(', ')
  return [
    ill(
      name,
      `not attached at the broker: ${names}`,
      'another machine may run the same session: close it there',
    ),
  ]
}

/** By which rung of the ladder each live session of Claude gets its mail. */
function checkDelivery({ sessions, delivery }: Daemon, mesh: OpenMesh, name: string): Check[] {
  return sessions.of(mesh).flatMap(({ row }) => {
    const view = row.open && row.kind === 'claude' ? delivery.ladder(row.uuid) : undefined
    if (view === undefined) return []
    const what = `${row.name}${view.version === null ? '' : ` (Claude Code ${view.version})`}`
    if (row.deliver !== 'push') return [well(name, `${what} is on ${row.deliver}: nothing is handed over`)]
    if (view.rung !== null) return [well(name, `${what} by ${WAY_WORDS[view.rung]}. ${view.words}`)]
    return [
      ill(
        name,
        `${what} lets nothing in. ${view.words}`,
        'start it by `claudemesh launch`, without --bare and disableAllHooks; until then it reads its mail by mesh_inbox',
      ),
    ]
  })
}
