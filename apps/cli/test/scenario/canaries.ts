/** A life of a small mesh in which everything a person can write, and every secret that is made, is a canary. */
import { Database } from 'bun:sqlite'
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { uuidBytes } from '@claudemesh/crypto'
import type { Machine } from '@claudemesh/testkit'
import { callDaemon, type DaemonRequest } from '../../src/api/client.ts'
import type { RouteName } from '../../src/api/routes.ts'
import { until } from '../cli/until.ts'

/** Begins every text that is planted: one look for it is a look for all of them. */
export const MARK = `canary-${randomUUID().slice(0, 8)}-`

export interface Planted {
  /** Texts by what they are, each beginning with MARK. */
  readonly texts: Record<string, string>
  /** Keys, ids and numbers that only members may know. */
  readonly secrets: Record<string, string | Buffer>
  /** UUID of Bob's session, which the broker does see. */
  readonly uuid: string
}
interface People {
  readonly alice: Machine
  readonly bob: Machine
  readonly carol: Machine
  readonly brokerUrl: string
}

const asked = async <T>(machine: Machine, route: RouteName, request: DaemonRequest = {}): Promise<T> =>
  (await callDaemon(route, { ...request, home: machine.mesh })) as T

/** Everything happens through the local API and the command line, as a person and a client would do it. */
export async function plant(people: People): Promise<Planted> {
  const { alice, bob, carol, brokerUrl } = people
  const texts: Record<string, string> = {}
  const secrets: Record<string, string | Buffer> = {}
  const text = (name: string): string => {
    texts[name] = `${MARK}${name}`
    return texts[name]
  }
  const [uuid, claude, thread] = [randomUUID(), randomUUID(), randomUUID()]

  await asked(alice, 'createMesh', {
    body: { name: text('mesh'), broker: brokerUrl, memberName: text('alice') },
  })
  for (const [guest, name] of [
    [bob, 'bob'],
    [carol, 'carol'],
  ] as const) {
    const { link } = await asked<{ link: string }>(alice, 'createInvite', { body: {} })
    secrets[`invite secret of ${name}`] = Buffer.from(link.split('#')[1]!, 'base64url').subarray(0, 32)
    await asked(guest, 'join', { body: { link, name: text(name) } })
  }
  const [pair] = await alice.json<{ link: string }>('pair')
  secrets['pair secret'] = Buffer.from(pair!.link.split('#')[1]!, 'base64url').subarray(0, 32)
  await asked(bob, 'rename', { body: { name: text('bob-renamed') } })
  await asked(alice, 'renameMesh', { params: { mesh: texts.mesh! }, body: { name: text('mesh-renamed') } })

  const open = (machine: Machine, body: object) =>
    asked<{ tokenFile: string }>(machine, 'openSession', { body })
  await open(bob, {
    uuid,
    name: text('session'),
    role: text('role'),
    groups: [text('group'), `${text('group-with-role')}:lead`],
    summary: text('summary'),
    directory: `/${text('directory')}`,
  })
  await open(carol, {
    uuid: randomUUID(),
    name: text('session-of-carol'),
    directory: `/${text('her-directory')}`,
  })
  await asked(bob, 'presence', { body: { as: uuid, summary: text('later-summary') } })
  await asked(bob, 'presence', { body: { as: uuid, join: [text('later-group')] } })
  const file = { pid: process.pid, sessionId: claude, status: 'waiting', statusUpdatedAt: Date.now() }
  writeFileSync(
    join(bob.home, '.claude/sessions', `${process.pid}.json`),
    JSON.stringify({ ...file, cwd: `/${text('sessions-file-cwd')}`, waitingFor: text('waiting-for') }),
  )
  const seat = await open(bob, {
    uuid: claude,
    name: text('claude-session'),
    kind: 'claude',
    pid: process.pid,
  })
  await until('what Bob waits for, shown to Alice', async () =>
    JSON.stringify(await asked(alice, 'peers')).includes(texts['waiting-for']!),
  )
  await asked(bob, 'hook', {
    token: readFileSync(seat.tokenFile, 'utf8').trim(),
    body: {
      session_id: claude,
      hook_event_name: 'UserPromptSubmit',
      prompt: text('prompt'),
      cwd: `/${text('hook-cwd')}`,
      transcript_path: `/${text('transcript')}.jsonl`,
      tool_input: { command: text('tool-input') },
      tool_response: text('tool-response'),
    },
  })
  await asked(bob, 'setStatus', {
    body: { session_id: uuid, status: 'working', cwd: `/${text('status-cwd')}` },
  })

  const send = async (from: Machine, name: string, to: string[], more: object = {}): Promise<string> => {
    const sent = { to, text: text(name), wait: 'accepted', ...more }
    const { id } = await asked<{ id: string }>(from, 'send', { body: sent })
    secrets[`msg of ${name}`] = Buffer.from(uuidBytes(id))
    return id
  }
  const toBob = [`${texts['bob-renamed']}/${texts.session}`]
  const delivered = { wait: 'delivered' }
  const first = await send(alice, 'online', toBob, { ...delivered, threadId: thread })
  secrets['msg of online, as text'] = first
  secrets['thread id'] = Buffer.from(uuidBytes(thread))
  secrets['thread id as text'] = thread
  await send(bob, 'reply', [texts.alice!], { ...delivered, as: uuid, replyTo: first })
  await send(alice, 'urgent', toBob, { ...delivered, priority: 'now' })
  await send(alice, 'to-a-person', [texts.carol!], { ...delivered, priority: 'low' })
  await send(alice, 'to-a-group', [`@${texts.group}`])
  await send(alice, 'to-all', ['@all'])
  await send(bob, 'by-a-session', ['@all'], { as: uuid })
  texts.long = `${MARK}long-`.repeat(6000)
  await asked(alice, 'send', { body: { to: toBob, text: texts.long, ...delivered } })
  await send(alice, 'with-a-file-name', toBob, { text: `see ${text('file-name')}.pdf`, ...delivered })

  await asked(alice, 'send', {
    body: { to: [text('a-name-that-nobody-has')], text: text('to-nobody') },
  }).catch(() => {})
  const peer = { params: { peer: texts['bob-renamed']! } }
  const { digits, words } = await asked<{ digits: string[]; words: string[] }>(alice, 'safetyNumber', peer)
  secrets['safety number'] = digits.join('')
  secrets['safety number as it is shown'] = digits.slice(0, 3).join(' ')
  secrets['safety words'] = words.slice(0, 4).join(' ')
  await asked(alice, 'confirmKey', peer)
  await asked(bob, 'block', { params: { member: texts.carol! }, body: { block: ['dm'] } })
  await asked(carol, 'send', {
    body: { to: toBob, text: text('refused'), wait: 'delivered', timeoutMs: 10_000 },
  })
  writeFileSync(join(alice.root, 'passphrase'), text('passphrase of a backup'))
  await alice.json(
    'backup',
    join(alice.root, 'keys.age'),
    '--passphrase-file',
    join(alice.root, 'passphrase'),
  )

  const members = await asked<{ name: string; member: string }[]>(alice, 'members')
  const carols = members.find(({ name }) => name === texts.carol)!.member
  await asked(alice, 'removeMember', { params: { member: carols } })
  await send(alice, 'after-a-removal', toBob, delivered)
  await asked(bob, 'presence', { body: { as: uuid, summary: text('summary-after-a-removal') } })
  await bob.json('daemon', 'stop')
  // Still in the queue when the dump is taken.
  await send(alice, 'offline', toBob)
  await send(alice, 'offline-to-all', ['@all'])
  keysOf(alice, secrets)
  keysOf(bob, secrets)
  return { texts, secrets, uuid }
}

/** Keys of epochs, prekey secrets and keys of texts, as the daemon's store holds them. */
function keysOf(machine: Machine, into: Record<string, string | Buffer>): void {
  const store = new Database(join(machine.mesh, 'daemon.sqlite'), { readonly: true })
  const rows = (sql: string) => store.query<{ name: string; key: Uint8Array }, []>(sql).all()
  for (const { name, key } of rows(`select 'epoch key ' || number as name, key from epoch`))
    into[name] = Buffer.from(key)
  for (const { name, key } of rows(
    `select 'secret ' || row as name, bytes as key from secret where not free`,
  ))
    into[`${name} of ${machine.mesh}`] = Buffer.from(key).subarray(0, 32)
  store.close()
}
