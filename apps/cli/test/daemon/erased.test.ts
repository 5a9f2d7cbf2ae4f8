import { Database } from 'bun:sqlite'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eq, inArray } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/bun-sqlite'
import { migrate } from 'drizzle-orm/bun-sqlite/migrator'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openMeshStore } from '../../src/daemon/store/client-store.ts'
import * as inboxSchema from '../../src/daemon/store/inbox-schema.ts'
import * as schema from '../../src/daemon/store/schema.ts'
import { openStoreFile, type StoreFile } from '../../src/daemon/store/store-file.ts'
import { inboxRow, outboxMessage, outboxRecipient, prekeyRow } from './rows.ts'
import { scratchFolder } from './scratch.ts'

function openScratch() {
  const path = join(scratchFolder(), 'daemon.sqlite')
  const file = openStoreFile(path)
  onTestFinished(() => file.close())
  return { path, file }
}

describe('a prekey secret that was erased', () => {
  test('is in no byte of any file after `purge`, however the rows around it came and went', () => {
    const { path, file } = openScratch()
    const { prekeys, purge } = openMeshStore(file, 'a')
    const random = (size: number) => crypto.getRandomValues(new Uint8Array(size))
    const live = new Map<Uint8Array, Uint8Array>()
    const erased: Uint8Array[] = []
    const change = (i: number): void => {
      const crowd = i < 1_500 ? 300 : 20
      if (live.size > Math.random() * crowd) {
        const id = [...live.keys()][Math.floor(Math.random() * live.size)]!
        prekeys.remove(id)
        erased.push(live.get(id)!)
        live.delete(id)
      } else {
        const [id, secret] = [random(16), random(64)]
        prekeys.put({ ...prekeyRow(id, secret), bundle: 'b'.repeat(1_800 + (i % 400)) })
        live.set(id, secret)
      }
    }
    for (let i = 0; i < 3_000; i += 20)
      file.transaction(() => {
        for (let j = 0; j < 20; j++) change(i + j)
      })
    const held = () => {
      const bytes = Buffer.concat([path, `${path}-wal`].map(each => readFileSync(each)))
      return (secret: Uint8Array) => [0, 24, 48].some(at => bytes.includes(secret.slice(at, at + 16)))
    }
    // Before that the log still holds them: the search does find what is there.
    expect(erased.filter(held()).length).toBeGreaterThan(100)
    purge()
    expect(erased.length).toBeGreaterThan(1_000)
    expect(erased.filter(held())).toEqual([])
    expect([...live.values()].filter(held())).toHaveLength(live.size)
    expect(
      prekeys
        .all()
        .map(row => Buffer.from(row.secret).toString('hex'))
        .sort(),
    ).toEqual([...live.values()].map(secret => Buffer.from(secret).toString('hex')).sort())
  })
})

describe('the log of the store', () => {
  /** A file in whose log alone an erased secret lies. */
  function erased() {
    const { path, file } = openScratch()
    const { prekeys, purge } = openMeshStore(file, 'a')
    const secret = crypto.getRandomValues(new Uint8Array(64))
    prekeys.put(prekeyRow(new Uint8Array(16), secret))
    prekeys.remove(new Uint8Array(16))
    expect(readFileSync(`${path}-wal`).includes(secret)).toBe(true)
    return { path, secret, purge }
  }

  test('that a killed process left behind is emptied at the next start', () => {
    const { path, secret } = erased()
    const copy = join(scratchFolder(), 'daemon.sqlite')
    for (const end of ['', '-wal']) cpSync(`${path}${end}`, `${copy}${end}`)
    const file = openStoreFile(copy)
    onTestFinished(() => file.close())
    const held = ['', '-wal'].some(end => readFileSync(`${copy}${end}`).includes(secret))
    expect(held).toBe(false)
  })

  test('is said not to be clean while another process reads, and is clean after it', () => {
    const { path, secret, purge } = erased()
    const reader = new Database(path, { readonly: true })
    reader.run('BEGIN')
    reader.query('SELECT count(*) FROM prekey').get()
    expect(purge()).toBe(false)
    expect(readFileSync(`${path}-wal`).includes(secret)).toBe(true)
    reader.run('COMMIT')
    reader.close()
    expect(purge()).toBe(true)
    expect([path, `${path}-wal`].some(each => readFileSync(each).includes(secret))).toBe(false)
  })
})

describe('texts', () => {
  const HOUR = 3_600_000
  const noon = 500_000 * HOUR
  const holds = (path: string, what: string | Uint8Array) =>
    Buffer.concat([path, `${path}-wal`].map(each => readFileSync(each))).includes(what)
  const keysOf = (file: StoreFile) => file.orm.select().from(schema.secret).all()

  test('stand in no file as they were written, and come back as they were', () => {
    const { path, file } = openScratch()
    const { inbox, outbox } = openMeshStore(file, 'a')
    inbox.insert({ ...inboxRow(1), payload: '"to be read – ✓"', receivedAt: noon })
    outbox.insert({ ...outboxMessage(1), payload: '"to be sent"', composedAt: noon }, [
      outboxRecipient(1, 'm/s'),
    ])
    expect(inbox.list({})[0]?.payload).toBe('"to be read – ✓"')
    expect(outbox.message(outboxMessage(1).msg)?.payload).toBe('"to be sent"')
    expect([holds(path, 'to be read'), holds(path, 'to be sent')]).toEqual([false, false])
    expect(holds(path, inboxRow(1).msg)).toBe(true)
  })

  test('of the inbox that were read go an hour after their time at the latest, others never', () => {
    const { path, file } = openScratch()
    const { inbox, texts, purge } = openMeshStore(file, 'a')
    const states = ['read', 'surfaced', 'unread', 'pushed', 'waiting', 'early'] as const
    for (const [i, state] of states.entries())
      inbox.insert({ ...inboxRow(i), payload: `"${state}"`, state, receivedAt: noon + 10 })
    inbox.insert({ ...inboxRow(9), payload: '"later"', state: 'read', receivedAt: noon + HOUR })
    const payloads = () => inbox.list({}).map(row => row.payload)
    const all = [...states.map(state => `"${state}"`), '"later"']
    expect(texts.erase(noon + 7 * HOUR, noon + HOUR - 1)).toBe(false)
    expect(payloads()).toEqual(all)
    const [key] = keysOf(file)
    expect(texts.erase(noon + 7 * HOUR, noon + HOUR)).toBe(true)
    expect(payloads()).toEqual(['', '', ...all.slice(2)])
    expect(holds(path, key!.bytes)).toBe(true)
    purge()
    expect(holds(path, key!.bytes)).toBe(false)
    const still = keysOf(file).filter(each => !each.free)
    expect(still.map(each => holds(path, each.bytes))).toEqual([true, true])
    inbox.forget(noon * 2)
    expect(payloads()).toEqual(all.slice(2))
  })

  test('of the outbox move on with every hour while they are needed, so that the key of one that was delivered goes', () => {
    const { path, file } = openScratch()
    const { outbox, texts, purge } = openMeshStore(file, 'a')
    for (const n of [1, 2])
      outbox.insert({ ...outboxMessage(n), payload: `"${n}"`, composedAt: noon }, [outboxRecipient(n, 'm/s')])
    const [key] = keysOf(file)
    outbox.dropText(outboxMessage(1).msg)
    expect(texts.erase(noon + HOUR - 1, 0)).toBe(false)
    expect(texts.erase(noon + HOUR, 0)).toBe(true)
    purge()
    expect(holds(path, key!.bytes)).toBe(false)
    expect([1, 2].map(n => outbox.message(outboxMessage(n).msg)?.payload)).toEqual(['', '"2"'])
  })

  test('whose key was made in a transaction that failed open all the same', () => {
    const { file } = openScratch()
    const { inbox, transaction } = openMeshStore(file, 'a')
    expect(() =>
      transaction(() => {
        inbox.insert(inboxRow(1))
        throw new Error('no')
      }),
    ).toThrow('no')
    inbox.insert({ ...inboxRow(2), payload: '"2"' })
    expect(inbox.list({}).map(row => row.payload)).toEqual(['"2"'])
  })

  test('and prekeys of a file from before they were sealed are there, and sealed with the next look', () => {
    const path = join(scratchFolder(), 'daemon.sqlite')
    const old = join(scratchFolder(), 'migrations')
    cpSync(fileURLToPath(new URL('../../migrations', import.meta.url)), old, { recursive: true })
    const journal = JSON.parse(readFileSync(join(old, 'meta/_journal.json'), 'utf8'))
    writeFileSync(
      join(old, 'meta/_journal.json'),
      JSON.stringify({ ...journal, entries: journal.entries.slice(0, 1) }),
    )
    const database = new Database(path)
    migrate(drizzle(database), { migrationsFolder: old })
    const secret = new Uint8Array(64).fill(7)
    database.run("INSERT INTO mesh (id) VALUES ('a')")
    database.run("INSERT INTO prekey VALUES (1, x'01', '', 5, 'b', ?)", [secret])
    const put = (table: string, row: Record<string, unknown>) => {
      const held = database.query<{ name: string }, []>(`PRAGMA table_info(${table})`).all()
      const names = held.map(({ name }) => name).filter(name => name !== 'row')
      const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
      const values = names.map(name => (name === 'mesh' ? 1 : (row[camel(name)] as string | number | null)))
      const columns = names.map(name => `"${name}"`).join()
      database.run(`INSERT INTO ${table} (${columns}) VALUES (${names.map(() => '?').join()})`, values)
    }
    put('inbox', { ...inboxRow(1), payload: '"read long ago"', state: 'read' })
    put('outbox_message', { ...outboxMessage(1), payload: '"waits"' })
    database.close()
    const file = openStoreFile(path)
    onTestFinished(() => file.close())
    const { inbox, outbox, prekeys, texts, purge } = openMeshStore(file, 'a')
    const payloads = () => [...inbox.list({}), ...outbox.list({})].map(row => row.payload)
    expect(payloads()).toEqual(['"read long ago"', '"waits"'])
    expect(prekeys.all().map(row => [...row.secret])).toEqual([[...secret]])
    expect(texts.erase(noon, noon - HOUR)).toBe(true)
    purge()
    expect(payloads()).toEqual(['"read long ago"', '"waits"'])
    expect(file.orm.select().from(inboxSchema.inbox).get()!.textKey).toBe(500_000)
  })

  test('that were changed or moved to another row do not open, cost no other, and are known for it when their key is gone', () => {
    const { file } = openScratch()
    const { inbox, outbox, texts } = openMeshStore(file, 'a')
    for (const n of [1, 2, 3])
      inbox.insert({
        ...inboxRow(n),
        payload: `"${n}"`,
        state: n === 3 ? 'read' : 'unread',
        receivedAt: noon,
      })
    for (const n of [1, 2])
      outbox.insert({ ...outboxMessage(n), payload: `"${n}"`, composedAt: noon }, [outboxRecipient(n, 'm/s')])
    const [one] = file.orm.select().from(inboxSchema.inbox).all()
    const others = [2, 3].map(n => inboxRow(n).msg)
    file.orm
      .update(inboxSchema.inbox)
      .set({ sealed: one!.sealed })
      .where(inArray(inboxSchema.inbox.msg, others))
      .run()
    const isTwo = eq(schema.outboxMessage.msg, outboxMessage(2).msg)
    file.orm
      .update(schema.outboxMessage)
      .set({ sealed: new Uint8Array(7) })
      .where(isTwo)
      .run()
    const payloads = () => [
      inbox.list({}).map(row => row.payload),
      [1, 2].map(n => outbox.message(outboxMessage(n).msg)!.payload),
    ]
    expect(payloads()).toEqual([
      ['"1"', null, null],
      ['"1"', null],
    ])
    // What was read goes like any other; what nobody has read stays known as damaged.
    expect(texts.erase(noon + 7 * HOUR, noon + 2 * HOUR)).toBe(true)
    const held = file.orm.select().from(schema.textKey).all()
    expect(held.map(({ hour }) => hour)).toEqual([500_007, 500_007])
    expect(payloads()).toEqual([
      ['"1"', null, ''],
      ['"1"', null],
    ])
  })
})
