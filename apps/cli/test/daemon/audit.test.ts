/** The audit log read from the broker, an export and the database: it verifies, and whatever somebody did to it is named by its first bad index. */
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSettings, startBroker } from '@claudemesh/broker'
import {
  encodeFields,
  generateSigner,
  signCheckpoint,
  storedLeafHash,
  TreeFrontier,
} from '@claudemesh/crypto'
import { type Database, openDatabase } from '@claudemesh/db'
import { fromBase64url, MeshError, toBase64url } from '@claudemesh/protocol'
import { freshDatabase, stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { callDaemon, type DaemonRequest, followDaemon } from '../../src/api/client.ts'
import type { RouteName } from '../../src/api/routes.ts'
import type { AuditHead, AuditProof } from '../../src/api/schema.ts'
import { logFromDatabase } from '../../src/audit/from-database.ts'
import { logFromFile } from '../../src/audit/from-file.ts'
import { itemOf, type LogItem, type LogLine, lineOf } from '../../src/audit/lines.ts'
import { verifyLog } from '../../src/audit/verify.ts'
import { runDaemon } from '../../src/daemon/index.ts'
import { homePaths } from '../../src/home/index.ts'
import { type Finished, newMachine } from '../cli/machine.ts'
import { readToken } from './world.ts'

const shell = newMachine()
const brokerSeed = crypto.getRandomValues(new Uint8Array(32))
let url = ''
let head: AuditHead
let proof: AuditProof
let owners: LogLine[] = []
let guests: LogLine[] = []
let path: { state: string; by: string; verified: boolean }[] = []
/** What each command line ended with, in their order. */
const typed: Finished[] = []
let health: { ok: boolean; message: string } | undefined
let dropAll = async (): Promise<void> => {}

beforeAll(async () => {
  const database = await freshDatabase()
  url = database.url
  dropAll = database.drop
  const env = {
    DATABASE_URL: url,
    BROKER_KEY: toBase64url(brokerSeed),
    BROKER_PORT: '0',
    LOG_LEVEL: 'error',
    CHECKPOINT_MS: '25',
  }
  const running = await startBroker(readSettings(env))
  const [alice, bob] = [await daemonAt('a'), await daemonAt('b')]
  const broker = `http://127.0.0.1:${running.port}`
  await alice.call('createMesh', { body: { name: 'team', broker, memberName: 'alice' } })
  const { link } = await alice.call<{ link: string }>('createInvite', { body: {} })
  await bob.call('join', { body: { link, name: 'bob' } })
  let id = ''
  for (const text of ['one', 'two', 'three'])
    ({ id } = await alice.call<{ id: string }>('send', { body: { to: ['bob'], text, wait: 'delivered' } }))
  let proofs: AuditProof[] = []
  while (proofs.length === 0) proofs = await alice.call<AuditProof[]>('auditProof', { params: { id } })
  proof = proofs[0]!
  path = await alice.call('trace', { params: { id } })
  head = await alice.call<AuditHead>('auditHead')
  const checks = await alice.call<{ name: string; ok: boolean; message: string }[]>('doctor')
  health = checks.find(({ name }) => name.endsWith('audit'))
  const asAlice = { env: { CLAUDEMESH_HOME: join(shell.root, 'a') } }
  for (const args of [
    ['head', '--json'],
    ['verify', '--json'],
    ['verify'],
    ['export', '--out', join(shell.root, 'export.jsonl')],
    ['export', '--out', join(shell.root, 'export.jsonl')],
    ['proof', id, '--json'],
    ['verify', '--file', join(shell.root, 'export.jsonl'), '--mesh', 'team', '--json'],
    ['verify', '--database', url, '--json'],
    ['verify', '--file', join(shell.root, 'nothing')],
    ['accept'],
  ])
    typed.push(await shell.run(['audit', ...args], asAlice))
  owners = await alice.exported()
  guests = await bob.exported()
  await alice.stop()
  await bob.stop()
  await running.stop()
})
afterAll(async () => {
  await shell.remove()
  await dropAll()
  await stopSharedPostgres()
})

/** A daemon whose home lies beside the shell's. */
async function daemonAt(name: string) {
  const home = join(shell.root, name)
  const daemon = await runDaemon({ home })
  const token = await readToken(homePaths(home).token)
  return {
    call: async <T>(route: RouteName, request: DaemonRequest = {}) =>
      (await callDaemon(route, { token, ...request, home })) as T,
    async exported(): Promise<LogLine[]> {
      const items: LogLine[] = []
      for await (const line of await followDaemon('auditExport', { home, token })) items.push(itemOf(line, 0))
      return items
    },
    stop: daemon.stop,
  }
}
async function* each(items: readonly LogLine[]): AsyncGenerator<LogLine> {
  yield* items
}
/** What verification finds: a report, or the fault and the first bad index. */
async function found(items: AsyncIterable<LogItem>, known: string[] = []): Promise<unknown> {
  try {
    const { mesh: _, ...report } = await verifyLog(items, { known: async () => known })
    return report
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    expect(error.code).toBe('integrity')
    return error.facts?.fault ? [error.facts.fault, error.facts.firstBad] : error.message
  }
}
const indexOf = (type: string): number =>
  owners.flatMap(item => ('leaf' in item && item.leaf.body?.type === type ? [item.leaf.index] : []))[0]!

describe('an untouched log', () => {
  test('verifies from an export: all of it to the owner, to a guest with what is not its own hidden', async () => {
    const leaves = owners.filter(item => 'leaf' in item).length
    expect(await found(each(owners))).toMatchObject({ leaves, signed: leaves, pruned: 0, hidden: 0 })
    expect(await found(each(guests), [head.note].slice(1))).toMatchObject({
      hidden: expect.toSatisfy(n => n > 0),
    })
  })

  test('is read, written down and verified by the command line', () => {
    const [first, verified, words, exported, again, proven, file, database, nothing, accept] = typed
    expect(JSON.parse(first!.stdout)).toMatchObject({
      mesh: head.mesh,
      name: 'team',
      note: expect.stringContaining(' '),
    })
    expect(JSON.parse(verified!.stdout)).toMatchObject({ mesh: head.mesh, hidden: 0 })
    expect(words!.stdout).toMatch(/^The log holds\.\n\d+ leaves of mesh /)
    expect([exported!.exit, again!.exit]).toEqual([0, 2])
    expect(JSON.parse(proven!.stdout)).toMatchObject({ index: proof.index, seq: proof.seq })
    expect(JSON.parse(file!.stdout).mesh).toBe(head.mesh)
    expect(JSON.parse(database!.stdout).mesh).toBe(head.mesh)
    expect([nothing!.exit, accept!.exit]).toEqual([5, 2])
  })

  test('verifies from the database, and holds the head that a member has pinned', async () => {
    const report = (await found(logFromDatabase(url, undefined), [head.note])) as {
      signed: number
      checkpoints: number
    }
    expect(report.signed).toBeGreaterThanOrEqual(head.size)
    expect(report.checkpoints).toBeGreaterThan(1)
  })

  test('is what doctor says of it', () => {
    expect(health).toMatchObject({
      ok: true,
      message: expect.stringMatching(/^\d+ leaves, each signed head proven/),
    })
  })

  test('proves in a trace that the broker logged what it accepted', async () => {
    expect(path.find(step => step.state === 'accepted')).toMatchObject({ by: 'broker', verified: true })
    expect([proof.index < proof.size, proof.path.length > 0]).toEqual([true, true])
  })

  test('verifies by the command line alone, without a daemon; a changed line is exit code 7, named', async () => {
    const file = join(shell.root, 'log.jsonl')
    writeFileSync(file, owners.map(lineOf).join(''))
    const [report] = await shell.json('audit', 'verify', '--file', file)
    expect(report).toMatchObject({ mesh: head.mesh, hidden: 0 })
    const index = indexOf('accepted')
    const changed = owners.map(lineOf).map(line => {
      const json = JSON.parse(line)
      if (json.leaf?.index !== index) return line
      return `${JSON.stringify({ leaf: { ...json.leaf, at: json.leaf.at + 1 } })}\n`
    })
    writeFileSync(file, changed.join(''))
    const { exit, stderr } = await shell.run(['audit', 'verify', '--file', file, '--json'])
    expect([exit, JSON.parse(stderr).error.facts]).toMatchObject([7, { fault: 'edited', firstBad: index }])
    expect(JSON.parse(stderr).error.message).toContain(`leaf ${index} is not what its hash says`)
  })

  test('a line without an end is no line of a log, and is not read to its end', async () => {
    const file = join(shell.root, 'endless.jsonl')
    writeFileSync(file, owners.slice(0, 2).map(lineOf).join(''))
    // 64 GiB without a line feed, of which the disk holds nothing.
    truncateSync(file, 64 * 2 ** 30)
    const { exit, stderr } = await shell.run(['audit', 'verify', '--file', file, '--json'])
    expect([exit, JSON.parse(stderr).error.facts]).toMatchObject([7, { line: 3 }])
  })
})

describe('somebody with the whole database', () => {
  let count = 0
  /** Which leaves stand in one row is the chance of what was committed together: here each has its own. */
  const APART = `insert into mesh.audit_leaf (mesh_id, index, at, salt, type, fields, hash)
    select k.mesh_id, k.index + i, k.at, substring(k.bodies from i * s.width + 1 for 16), k.type,
      substring(k.bodies from i * s.width + 17 for s.width - 16), substring(k.hashes from i * 32 + 1 for 32)
    from mesh.audit_chunk k
    cross join lateral (select octet_length(k.hashes) / 32 as leaves) n
    cross join lateral (select octet_length(k.bodies) / n.leaves as width) s
    cross join lateral generate_series(0, n.leaves - 1) i;
    delete from mesh.audit_chunk`
  /** A copy of the database, changed with the guards taken away, as its owner can. */
  async function changed(work: (db: Database) => Promise<unknown>): Promise<string> {
    const name = `${new URL(url).pathname.slice(1)}_copy_${++count}`
    const admin = await openDatabase({ url: url.replace(/\/[^/]*$/, '/postgres'), max: 1 })
    await admin.sql.unsafe(`create database ${name} template ${new URL(url).pathname.slice(1)}`)
    const copy = url.replace(/\/[^/]*$/, `/${name}`)
    const db = await openDatabase({ url: copy, max: 1 })
    await db.sql.unsafe('set session_replication_role = replica')
    await db.sql.unsafe(APART).simple()
    await work(db)
    await db.close()
    onTestFinished(async () => {
      await admin.sql.unsafe(`drop database ${name} with (force)`)
      await admin.close()
    })
    return copy
  }
  const run = (statement: string) => (db: Database) => db.sql.unsafe(statement)
  const pinnedToo = async (copy: string) => found(logFromDatabase(copy, undefined), [head.note])
  const rehash = async (db: Database, from: number): Promise<void> => {
    const rows = await db.sql<
      { index: string; at: string; salt: Uint8Array; type: string; fields: Uint8Array }[]
    >`
      select index, ${db.fn}.ms(at) as at, salt, type, fields from mesh.audit_leaf where index >= ${from}`
    for (const row of rows) {
      const hash = storedLeafHash({ ...row, index: Number(row.index), at: Number(row.at) })
      await db.sql`update mesh.audit_leaf set hash = ${hash} where index = ${row.index}`
    }
  }
  /** The heads that stand when the log is `upTo` leaves long, the last of them. */
  const lastHead = async (db: Database, upTo: number): Promise<number> =>
    Number(
      (
        await db.sql`select coalesce(max(size), 0) as size from mesh.audit_checkpoint where size <= ${upTo}`
      )[0]!.size,
    )

  test('edits a leaf', async () => {
    const index = indexOf('accepted')
    const copy = await changed(
      run(`update mesh.audit_leaf set fields = fields || '\\x00' where index = ${index}`),
    )
    expect(await pinnedToo(copy)).toEqual(['edited', index])
  })

  test('edits a leaf and hashes it anew', async () => {
    const index = indexOf('accepted')
    let since = 0
    const copy = await changed(async db => {
      since = await lastHead(db, index)
      await db.sql`update mesh.audit_leaf set type = 'expired' where index = ${index}`
      await rehash(db, index)
    })
    expect(await pinnedToo(copy)).toEqual(['changed', since])
  })

  test('takes a leaf out of the middle', async () => {
    const copy = await changed(run('delete from mesh.audit_leaf where index = 3'))
    expect(await pinnedToo(copy)).toEqual(['missing', 3])
  })

  test('takes a leaf out and closes the gap', async () => {
    const copy = await changed(async db => {
      await run('delete from mesh.audit_leaf where index = 3')(db)
      await run('update mesh.audit_leaf set index = index - 1 where index > 3')(db)
    })
    expect(await pinnedToo(copy)).toEqual(['edited', 3])
  })

  test('puts a leaf in', async () => {
    const insert = `insert into mesh.audit_leaf select index, at, mesh_id, hash, salt, type, fields from mesh.audit_leaf where index = 4`
    expect(await pinnedToo(await changed(run(insert)))).toEqual(['twice', 4])
  })

  test('puts a leaf in, moves the others on and hashes them anew', async () => {
    let since = 0
    const copy = await changed(async db => {
      since = await lastHead(db, 4)
      await run('update mesh.audit_leaf set index = index + 1 where index >= 4')(db)
      await run(
        'insert into mesh.audit_leaf select 4, at, mesh_id, hash, salt, type, fields from mesh.audit_leaf where index = 3',
      )(db)
      await rehash(db, 4)
    })
    expect(await pinnedToo(copy)).toEqual(['changed', since])
  })

  test('moves two leaves', async () => {
    const copy = await changed(run('update mesh.audit_leaf set index = 7 - index where index in (3, 4)'))
    expect(await pinnedToo(copy)).toEqual(['edited', 3])
  })

  test('cuts the tail, and with it the heads that were signed over it', async () => {
    const tail = 'delete from mesh.audit_leaf where index >= 5'
    expect(await found(logFromDatabase(await changed(run(tail)), undefined))).toEqual(['cut', 5])
    const both = await changed(run(`${tail}; delete from mesh.audit_checkpoint where size > 5`))
    expect(await pinnedToo(both)).toEqual(['cut', 5])
  })

  test('empties the table', async () => {
    const copy = await changed(run('truncate mesh.audit_leaf'))
    expect(await found(logFromDatabase(copy, undefined))).toEqual(['cut', 0])
    const all = await changed(run('truncate mesh.audit_leaf; truncate mesh.audit_checkpoint'))
    expect(await found(logFromDatabase(all, undefined))).toEqual(['unsigned', 0])
    expect(await pinnedToo(all)).toEqual(['cut', 0])
  })

  test('computes everything anew and signs it with a key of its own', async () => {
    const copy = await changed(async db => {
      await db.sql`update mesh.audit_leaf set fields = ${encodeFields(['nothing'])} where index = 4`
      await rehash(db, 4)
      const tree = new TreeFrontier()
      for (const { hash } of await db.sql<
        { hash: Uint8Array }[]
      >`select hash from mesh.audit_leaf order by index`)
        tree.push(hash)
      const mesh = fromBase64url(head.mesh)!
      const forged = {
        mesh,
        size: tree.size,
        root: tree.root(),
        rosterSeq: head.rosterSeq,
        rosterHead: fromBase64url(head.rosterHead)!,
      }
      const note = signCheckpoint(forged, generateSigner())
      await run('truncate mesh.audit_checkpoint')(db)
      await db.sql`insert into mesh.audit_checkpoint select id, ${tree.size}, ${note} from mesh.mesh_head`
    })
    expect(await found(logFromDatabase(copy, undefined))).toEqual(['forged', expect.any(Number)])
  })

  test('puts its own key into the roster', async () => {
    const key = JSON.stringify(toBase64url(generateSigner().publicKey))
    const copy = await changed(
      run(`update mesh.roster_entry set entry = jsonb_set(entry, '{body,key}', '${key}') where seq = 1`),
    )
    expect(await pinnedToo(copy)).toMatch(/roster: .*signature|signed/)
  })

  test('keeps the leaves of a crowd in one row: heads in its middle hold, and what it exports; one that is changed is named', async () => {
    const size = owners.filter(item => 'leaf' in item).length
    let signed = 0
    const copy = await changed(async db => {
      await run(`delete from mesh.audit_leaf where index >= ${size}`)(db)
      await run(`delete from mesh.audit_checkpoint where size > ${size}`)(db)
      const tree = new TreeFrontier()
      let at = 0
      for (const row of await db.sql<{ hash: Uint8Array; at: string }[]>`
        select hash, ${db.fn}.ms(at) as at from mesh.audit_leaf order by index`) {
        tree.push(row.hash)
        at = Number(row.at)
      }
      const [{ count = 0 } = {}] = await db.sql<
        { count: number }[]
      >`select count(*)::int from mesh.audit_checkpoint`
      signed = count
      const hashes: Uint8Array[] = []
      const bodies: Uint8Array[] = []
      for (let i = 0; i < 5; i++) {
        const salt = crypto.getRandomValues(new Uint8Array(16))
        const fields = encodeFields([salt, 'rate', i])
        const hash = storedLeafHash({ salt, index: size + i, at, type: 'limited', fields })
        hashes.push(hash)
        bodies.push(salt, fields)
        tree.push(hash)
        if (i !== 1 && i !== 4) continue
        const note = signCheckpoint(
          {
            mesh: fromBase64url(head.mesh)!,
            size: tree.size,
            root: tree.root(),
            rosterSeq: head.rosterSeq,
            rosterHead: fromBase64url(head.rosterHead)!,
          },
          generateSigner(brokerSeed),
        )
        await db.sql`insert into mesh.audit_checkpoint select id, ${tree.size}, ${note} from mesh.mesh_head`
      }
      await db.sql`insert into mesh.audit_chunk (index, at, mesh_id, type, hashes, bodies)
        select ${size}, ${db.fn}.at(${at}), id, 'limited', ${Buffer.concat(hashes)}, ${Buffer.concat(bodies)} from mesh.mesh_head`
    })
    const whole = { leaves: size + 5, signed: size + 5, checkpoints: signed + 2 }
    expect(await found(logFromDatabase(copy, undefined))).toMatchObject(whole)
    const file = join(shell.root, 'crowd.jsonl')
    await shell.json('audit', 'export', '--database', copy, '--out', file)
    expect(await found(logFromFile(file))).toMatchObject(whole)
    const db = await openDatabase({ url: copy, max: 1 })
    await db.sql.unsafe(`set session_replication_role = replica;
      update mesh.audit_chunk set bodies = set_byte(bodies, octet_length(bodies) / 5 * 3, get_byte(bodies, octet_length(bodies) / 5 * 3) # 1)`)
    await db.close()
    expect(await found(logFromDatabase(copy, undefined))).toEqual(['edited', size + 3])
  })

  test('makes a leaf look pruned', async () => {
    const copy = await changed(async db => {
      await run(
        'insert into mesh.audit_pruned (mesh_id, index, hash) select mesh_id, index, hash from mesh.audit_leaf where index = 4',
      )(db)
      await run('delete from mesh.audit_leaf where index = 4')(db)
    })
    expect(await pinnedToo(copy)).toEqual(['body-missing', 4])
  })

  test('lets retention drop whole days: that is told apart, and every hash still holds', async () => {
    const copy = await changed(async db => {
      await db.sql`select ${db.fn}.drop_audit_days(now() + interval '2 days')`
    })
    const report = await pinnedToo(copy)
    expect(report).toMatchObject({ pruned: expect.toSatisfy(n => n >= head.size), hidden: 0 })
  })

  test('holds several meshes: one is named', async () => {
    const copy = await changed(
      run(`insert into mesh.mesh_head (mesh, roster_seq, roster_head) values ('\\x00', 0, '\\x00')`),
    )
    const first = async (named?: string) => (await logFromDatabase(copy, named).next()).value
    await expect(first()).rejects.toMatchObject({ code: 'ambiguous' })
    await expect(first('nobody')).rejects.toMatchObject({ code: 'not-found' })
    expect(await first(head.mesh.slice(0, 12))).toEqual({ mesh: head.mesh })
  })
})
