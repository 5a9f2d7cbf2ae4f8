/** What Claude Code writes and says: transcripts, its sessions files, hook payloads, settings; and what a peer makes us show it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  carriesContext,
  cursorAtStart,
  hookPayload,
  hooksInstalled,
  readSurfaced,
  runningSessions,
  transcriptStatus,
  withHooks,
  withoutHooks,
} from '@claudemesh/claude'
import { MeshError, parseAs } from '@claudemesh/protocol'
import { frameMessages, type InboxMessage, idsFramedIn, neutralise } from 'claudemesh'
import type { Target } from '../target.ts'

const utf8 = new TextDecoder()
const PROGRAMS = { hook: ['/usr/bin/claudemesh', 'hook'], waker: ['/usr/bin/claudemesh', 'wake'] } as const

/** A target that reads files of a folder of its own. */
function ofFolder(
  target: Omit<Target, 'start' | 'read'>,
  read: (folder: string, input: Uint8Array) => string,
): Target {
  let folder = ''
  return {
    ...target,
    start: async () => {
      folder = mkdtempSync(join(tmpdir(), 'claudemesh-fuzz-'))
      return async () => rmSync(folder, { recursive: true, force: true })
    },
    read: input => read(folder, input),
  }
}

/** A transcript that is read whole, and then for its status. */
export const transcripts = ofFolder({ name: 'transcript', form: 'text', weight: 0.1 }, (folder, input) => {
  const path = join(folder, 'transcript.jsonl')
  writeFileSync(path, input)
  const unknown = new Set<string>()
  const surfaced = readSurfaced(cursorAtStart(path), what => unknown.add(what))
  return `${Math.min(surfaced.length, 8)} ${[...unknown]} ${transcriptStatus(path)?.status}`
})

/** One record of a transcript. */
export const transcriptRecords = ofFolder(
  { name: 'transcript-record', form: 'json', weight: 0.1 },
  (folder, input) => {
    const path = join(folder, 'transcript.jsonl')
    writeFileSync(path, Buffer.concat([input, Buffer.from('\n{"type":"assistant"}\n')]))
    let unknown = 0
    const surfaced = readSurfaced(cursorAtStart(path), () => unknown++)
    return `${Math.min(surfaced.length, 8)} ${Math.min(unknown, 3)} ${transcriptStatus(path)?.status}`
  },
)

/** The sessions file of a process: this very one, so that it is alive. */
export const sessionsFiles = ofFolder(
  { name: 'sessions-file', form: 'json', weight: 0.05 },
  (folder, input) => {
    mkdirSync(join(folder, 'sessions'), { recursive: true })
    writeFileSync(join(folder, 'sessions', `${process.pid}.json`), input)
    let unknown = 0
    const [session] = runningSessions(folder, () => unknown++)
    return `${unknown} ${session === undefined ? 'none' : Object.keys(session).length}`
  },
)

/** A hook's payload. */
export const hookPayloads: Target = {
  name: 'hook-payload',
  form: 'json',
  read(input) {
    const payload = parseAs(hookPayload, parsed(input))
    if (!payload.success)
      throw new MeshError('bad-field', 'refused', { field: payload.error.issues[0]?.path.join('.') })
    return `${carriesContext(payload.data.hook_event_name)} ${Object.keys(payload.data).length}`
  },
}

/** A settings file into which our hooks are put and out of which they are taken: nobody else's words are lost. */
export const settingsFiles: Target = {
  name: 'settings',
  form: 'json',
  weight: 0.2,
  read(input) {
    const text = utf8.decode(input)
    const before = [...understood(() => hooksInstalled(text)).keys()]
    const put = understood(() => withHooks(text, PROGRAMS, 5), / stands there twice/)
    if (withHooks(put, PROGRAMS, 5) !== put) throw new Error('put in twice, it differs')
    const taken = withoutHooks(put)
    if (hooksInstalled(taken).size > 0) throw new Error('not all of ours is gone')
    return `${before.length} ${put.length - text.length > 0}`
  },
}

/** What `read` answers; its refusal, where it says `why`, is one of a settings file. */
function understood<T>(read: () => T, why = /./): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof RangeError || !why.test(String(cause))) throw cause
    throw new MeshError('bad-field', 'no settings', { cause })
  }
}

const ID = '019a0000-0000-7000-8000-000000000001'

/** A peer's text and name, framed: one message, whatever they say, and nothing that moves a cursor or turns a line. */
export const peerTexts: Target = {
  name: 'peer-text',
  form: 'text',
  mostBytes: 8192,
  read(input) {
    const text = utf8.decode(input)
    const safe = neutralise(text)
    if (neutralise(safe) !== safe) throw new Error('neutralised again, it differs')
    if (/[^\P{Cc}\n\t]/u.test(safe)) throw new Error('a control character is left')
    const framed = frameMessages([messageOf(text)])
    if (idsFramedIn(framed).join() !== ID) throw new Error('another message was made up')
    return `${safe.length === text.length} ${safe.split('\n').length > 1}`
  },
}

const messageOf = (text: string): InboxMessage => ({
  id: ID,
  from: 'K7Q2M9',
  fromName: text.slice(0, 200),
  to: 'me',
  text,
  sentAt: 0,
  receivedAt: 0,
  replyTo: null,
  threadId: null,
  verified: false,
  verifiedAs: text.slice(0, 64),
  nameTaken: false,
  priority: 'next',
  late: false,
  warning: text.slice(0, 100),
  state: 'unread',
  mesh: 'mesh',
})

function parsed(input: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(input))
  } catch {
    throw new MeshError('bad-frame', 'no JSON')
  }
}
