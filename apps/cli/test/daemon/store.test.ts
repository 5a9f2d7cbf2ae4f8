import { Database } from 'bun:sqlite'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eraseMeshStore, openMeshStore } from '../../src/daemon/store/client-store.ts'
import { confirmedKeysOf } from '../../src/daemon/store/confirmed-keys.ts'
import { personMailOf } from '../../src/daemon/store/person-mail.ts'
import * as schema from '../../src/daemon/store/schema.ts'
import * as sessionSchema from '../../src/daemon/store/session-schema.ts'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { inboxRow, outboxMessage, outboxRecipient, prekeyRow } from './rows.ts'
import { scratchFolder } from './scratch.ts'

function openScratch() {
  const path = join(scratchFolder(), 'daemon.sqlite')
  const file = openStoreFile(path)
  onTestFinished(() => file.close())
  return { path, file }
}

describe('a transaction', () => {
  test('that throws leaves nothing, and one inside another undoes only its own part', () => {
    const { file } = openScratch()
    const { counters, transaction } = openMeshStore(file, 'a')
    expect(() =>
      transaction(() => {
        counters.set('x', 1)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(counters.get('x')).toBe(0)
    transaction(() => {
      counters.set('x', 1)
      expect(() =>
        transaction(() => {
          counters.set('x', 2)
          counters.set('y', 2)
          throw new Error('no')
        }),
      ).toThrow('no')
    })
    expect([counters.get('x'), counters.get('y')]).toEqual([1, 0])
  })

  test('writes a counter and a lane once, at its end, however often they were set; a part leaves what stood before it', () => {
    const { file } = openScratch()
    const { counters, inbox, transaction } = openMeshStore(file, 'a')
    const stored = () =>
      file.orm.$client
        .query<{ value: number }, []>('SELECT value FROM counter UNION ALL SELECT next FROM lane')
        .all()
        .map(({ value }) => value)
    const lane = (next: number) => ({ owner: '', from: 'f/s', line: 'l', next, waitedMs: 0 })
    const set = (value: number) => {
      counters.set('c', value)
      inbox.putLane(lane(value))
    }
    transaction(() => {
      for (let n = 1; n <= 3; n++) set(n)
      expect([stored(), counters.get('c'), inbox.lane('', 'f/s', 'l')?.next]).toEqual([[], 3, 3])
      expect(() =>
        transaction(() => {
          set(4)
          throw new Error('no')
        }),
      ).toThrow('no')
      expect([stored(), counters.get('c')]).toEqual([[3, 3], 3])
      set(5)
    })
    expect(stored()).toEqual([5, 5])
    expect(() =>
      transaction(() => {
        set(6)
        throw new Error('no')
      }),
    ).toThrow('no')
    transaction(() => {})
    expect([stored(), counters.get('c')]).toEqual([[5, 5], 5])
    set(7)
    expect(stored()).toEqual([7, 7])
  })

  test('writes of its receipts those alone that it does not take itself, each once', () => {
    const { file } = openScratch()
    const { receipts, transaction } = openMeshStore(file, 'a')
    const receipt = (n: number, dueAt = 0) =>
      ({ owner: '', to: 'f/s', state: 'delivered', why: '', id: `${n}`, msg: null, at: n, dueAt }) as const
    const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id)
    const stored = () =>
      ids(file.orm.$client.query<{ id: string }, []>('SELECT id FROM receipt_due ORDER BY row').all())
    const take = (limit: number) => {
      const due = receipts.due('', 5, limit)
      receipts.remove(due.map(({ row }) => row))
      return ids(due)
    }
    receipts.queue([receipt(1)])
    expect(stored()).toEqual(['1'])
    transaction(() => {
      receipts.queue([receipt(2), receipt(3), receipt(4, 9)])
      expect([stored(), ids(receipts.due('', 9, 9)), receipts.due('b', 9, 9)]).toEqual([
        ['1'],
        ['1', '2', '3', '4'],
        [],
      ])
      expect(take(2)).toEqual(['1', '2'])
      expect(() =>
        transaction(() => {
          receipts.queue([receipt(5)])
          expect(take(9)).toEqual(['3', '5'])
          throw new Error('no')
        }),
      ).toThrow('no')
      receipts.queue([receipt(6)])
      transaction(() => receipts.queue([receipt(7)]))
      expect(ids(receipts.due('', 5, 9))).toEqual(['3', '6', '7'])
    })
    expect(stored()).toEqual(['3', '4', '6', '7'])
    expect(() =>
      transaction(() => {
        receipts.queue([receipt(8)])
        expect(take(9)).toHaveLength(4)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect([take(9), take(9), stored()]).toEqual([['3', '6', '7'], [], ['4']])
  })

  test('that was undone is not remembered either: what was asked for before, in it and after is what stands', () => {
    const { file } = openScratch()
    const { settings, counters, scope, transaction } = openMeshStore(file, 'a')
    const confirmed = confirmedKeysOf(scope)
    const seen = () => [settings.get('s'), counters.get('c'), [...confirmed.all().keys()]]
    const write = (value: number) => {
      settings.set('s', `${value}`)
      counters.set('c', value)
      confirmed.put({ member: `m${value}`, name: 'n', at: value })
    }
    expect(seen()).toEqual([undefined, 0, []])
    write(1)
    expect(seen()).toEqual(['1', 1, ['m1']])
    transaction(() => {
      expect(() =>
        transaction(() => {
          write(2)
          expect(seen()).toEqual(['2', 2, ['m1', 'm2']])
          throw new Error('no')
        }),
      ).toThrow('no')
      expect(seen()).toEqual(['1', 1, ['m1']])
      confirmed.remove('m1')
      expect(seen()).toEqual(['1', 1, []])
    })
    expect(() =>
      transaction(() => {
        write(3)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(seen()).toEqual(['1', 1, []])
  })

  test('is whole or not there when the process is killed at any moment', async () => {
    const path = join(scratchFolder(), 'daemon.sqlite')
    openStoreFile(path).close()
    for (let round = 0; round < 6; round++) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('./write-forever.ts', import.meta.url)), path],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      let told = 0
      const lines = createInterface(child.stdout)
      const enough = 40 + round * 17
      await new Promise<void>(resolve => {
        lines.on('line', line => {
          told = Number(line)
          if (told % 1000 >= enough) resolve()
        })
      })
      child.kill('SIGKILL')
      await once(lines, 'close')
      const file = openStoreFile(path)
      const { counters, inbox } = openMeshStore(file, 'a')
      const count = counters.get('n')
      // All that was told as done is there, and each transaction has both of its halves.
      expect(count).toBeGreaterThanOrEqual(told)
      expect(inbox.list({}).length).toBe(count)
      expect(file.check()).toBe('ok')
      file.close()
    }
  })
})

describe('the file', () => {
  test('is 0600 with all that lies beside it', () => {
    const { path, file } = openScratch()
    openMeshStore(file, 'a').counters.set('x', 1)
    for (const each of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(each).mode & 0o777).toBe(0o600)
  })

  test('keeps what it was given when it is opened again', () => {
    const path = join(scratchFolder(), 'daemon.sqlite')
    const first = openStoreFile(path)
    const store = openMeshStore(first, 'a')
    store.outbox.insert(outboxMessage(1), [outboxRecipient(1, 'm/s')])
    store.epochs.put({ number: 1, key: new Uint8Array([1, 2, 3]) })
    first.close()
    const second = openStoreFile(path)
    onTestFinished(() => second.close())
    const again = openMeshStore(second, 'a')
    expect(again.outbox.recipients(outboxMessage(1).msg)).toEqual([outboxRecipient(1, 'm/s')])
    expect([...again.epochs.all()[0]!.key]).toEqual([1, 2, 3])
    expect(again.epochs.all()[0]!.key.constructor).toBe(Uint8Array)
  })

  test('keeps the meshes apart, and nothing of one that was left, not even in freed pages', () => {
    const { path, file } = openScratch()
    const [a, b] = [openMeshStore(file, 'a'), openMeshStore(file, 'b')]
    for (const store of [a, b]) {
      store.outbox.insert({ ...outboxMessage(1), payload: `secret-of-${store.scope.mesh}` }, [
        outboxRecipient(1, 'm/s'),
      ])
      store.inbox.insert(inboxRow(1))
      store.directory.put({ key: 'k', entry: `secret-of-${store.scope.mesh}`, at: 1 })
      store.prekeys.put(prekeyRow(new Uint8Array(16), new Uint8Array(64).fill(0xa0 + store.scope.mesh)))
    }
    const [mine, theirs] = [a.scope.mesh, b.scope.mesh]
    eraseMeshStore(file, 'a')
    expect(b.outbox.list({}).map(row => row.payload)).toEqual([`secret-of-${theirs}`])
    expect(openMeshStore(file, 'a').outbox.list({})).toEqual([])
    const bytes = Buffer.concat([readFileSync(path), readFileSync(`${path}-wal`)]).toString('latin1')
    expect(bytes).not.toContain(`secret-of-${mine}`)
    expect(bytes).toContain(`secret-of-${theirs}`)
    const secretOf = (row: number) => Buffer.alloc(16, 0xa0 + row).toString('latin1')
    expect([bytes.includes(secretOf(mine)), bytes.includes(secretOf(theirs))]).toEqual([false, true])
  })

  test('that is damaged is told and left as it is', () => {
    const path = join(scratchFolder(), 'daemon.sqlite')
    writeFileSync(path, 'no database at all, but long enough to look like one'.repeat(100))
    const before = readFileSync(path)
    expect(() => openStoreFile(path)).toThrow(expect.objectContaining({ code: 'integrity' }))
    expect(Buffer.compare(readFileSync(path), before)).toBe(0)
  })

  test('that a newer version wrote is not touched', () => {
    const path = join(scratchFolder(), 'daemon.sqlite')
    openStoreFile(path).close()
    const database = new Database(path)
    database.run("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 99999999999999)")
    database.close()
    expect(() => openStoreFile(path)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  })

  test('has the very columns and indexes that the schema names', () => {
    const { path } = openScratch()
    const database = new Database(path, { readonly: true })
    onTestFinished(() => database.close())
    const tables = [...Object.values(schema), ...Object.values(sessionSchema)].filter(
      each => each instanceof SQLiteTable,
    )
    expect(tables.length).toBeGreaterThan(15)
    for (const table of tables) {
      const { name, columns, indexes } = getTableConfig(table)
      const held = database.query<{ name: string; notnull: number }, []>(`PRAGMA table_info(${name})`).all()
      expect([name, held.map(column => column.name).sort()]).toEqual([
        name,
        columns.map(column => column.name).sort(),
      ])
      const named = database
        .query<{ name: string }, []>(`PRAGMA index_list(${name})`)
        .all()
        .map(index => index.name)
      for (const index of indexes) expect(named).toContain(index.config.name)
    }
  })

  test('answers its hot questions by an index', () => {
    const { path } = openScratch()
    const database = new Database(path, { readonly: true })
    onTestFinished(() => database.close())
    const plan = (sql: string) =>
      database
        .query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(step => step.detail)
        .join('; ')
    expect(
      plan(
        "SELECT * FROM outbox_recipient WHERE mesh = 1 AND state = 'pending' AND owner = '' AND +due_at <= 5 ORDER BY row",
      ),
    ).toMatch(/^SEARCH outbox_recipient USING INDEX outbox_recipient_pending[^;]*$/)
    expect(
      plan(
        "SELECT pair_seq FROM outbox_recipient WHERE mesh = 1 AND (state = 'pending' OR state = 'sealed' OR state = 'accepted') AND owner = '' AND line = 'l' AND \"to\" = 't' AND pair_seq >= 1 ORDER BY pair_seq LIMIT 65",
      ),
    ).toMatch(/^SEARCH outbox_recipient USING INDEX outbox_recipient_open[^;]*$/)
    for (const table of [
      "outbox_recipient WHERE mesh = 1 AND state = 'pending'",
      'receipt_due WHERE mesh = 1',
    ])
      expect(plan(`SELECT 1 FROM ${table} LIMIT 1`)).toMatch(/^SEARCH \w+ USING (COVERING )?INDEX [^;]*$/)
    expect(
      plan(
        "SELECT * FROM inbox WHERE mesh = 1 AND state = 'waiting' AND owner = '' AND \"from\" = 'f' AND line = 'l' ORDER BY pair_seq",
      ),
    ).toMatch(/INDEX inbox_waiting/)
    expect(
      plan("SELECT * FROM inbox WHERE mesh = 1 AND owner = '' AND msg = 'm' AND \"from\" = 'f'"),
    ).toMatch(/INDEX inbox_key/)
  })
})

test('what ended is found among what is open, once, and not among what is settled or younger', () => {
  const { file } = openScratch()
  const { outbox } = openMeshStore(file, 'a')
  const write = (n: number, ...states: readonly ('sealed' | 'accepted' | 'delivered')[]) =>
    outbox.insert(
      { ...outboxMessage(n), endsAt: n === 4 ? 9000 : null },
      states.map((state, i) => ({ ...outboxRecipient(n, `m${i}/s`), state })),
    )
  write(1, 'sealed', 'sealed', 'accepted')
  write(2, 'accepted', 'delivered')
  write(3, 'delivered')
  write(4, 'sealed')
  write(5000, 'sealed')
  const ended = (...states: readonly ('pending' | 'sealed' | 'accepted')[]) =>
    outbox.ended(2000, states, 10).map(({ msg }) => msg)
  const [first, second] = [1, 2].map(n => outboxMessage(n).msg)
  expect(ended('pending', 'sealed')).toEqual([first])
  expect(ended('accepted')).toEqual([first, second])
  expect(outbox.ended(9000, ['sealed'], 2).map(({ composedAt }) => composedAt)).toEqual([1, 4])
})

describe('openers', () => {
  test('beyond the newest few of a sender and prekey are forgotten, and all of them with the prekey', () => {
    const { file } = openScratch()
    const { openers, prekeys } = openMeshStore(file, 'a')
    const prekeyId = new Uint8Array(16).fill(1)
    prekeys.put(prekeyRow(prekeyId))
    const id = (n: number) => new Uint8Array(16).fill(n)
    for (let n = 1; n <= 5; n++)
      openers.put(
        { owner: '', from: 'f', prekeyId, openerId: id(n), opener: id(n), certificate: null, at: n },
        3,
      )
    const held = () => [1, 2, 3, 4, 5].filter(n => openers.find('', 'f', prekeyId, id(n)))
    expect(held()).toEqual([3, 4, 5])
    prekeys.remove(prekeyId)
    expect(held()).toEqual([])
  })
})

describe('the outbox', () => {
  test('makes due what waits for a member, but for what waits for a reason of its own', () => {
    const { file } = openScratch()
    const { outbox } = openMeshStore(file, 'a')
    const waits = (n: number, to: string, why: string | null) =>
      outbox.insert(outboxMessage(n), [{ ...outboxRecipient(n, to), why, dueAt: 100 }])
    waits(1, 'm/s', null)
    waits(2, 'm/', 'no-keys')
    waits(3, 'm/s', 'undecryptable')
    waits(4, 'm2/s', 'no-keys')
    outbox.hasten('m', 50, ['undecryptable', 'stale-prekey'])
    expect(outbox.due('', 50, 10).map(row => row.pairSeq)).toEqual([1, 2])
  })
})

test('the lowest open number of a line is right for few and for many, in whatever order they end', () => {
  const { file } = openScratch()
  const { outbox, transaction } = openMeshStore(file, 'a')
  const count = 3000
  const left = new Set<number>()
  const lowest = () => outbox.lowestOpen('', 'l', 'm/s')
  transaction(() => {
    for (let n = 1; n <= count; n++) {
      outbox.insert(outboxMessage(n), [outboxRecipient(n, 'm/s')])
      left.add(n)
      expect(lowest()).toBe(1)
    }
    for (let i = 0; i < count; i++) {
      const n = ((i * 37) % count) + 1
      outbox.updateRecipient({ ...outboxRecipient(n, 'm/s'), state: i % 2 === 0 ? 'delivered' : 'refused' })
      left.delete(n)
      expect(lowest()).toBe(left.values().next().value)
    }
  })
  outbox.updateRecipient(outboxRecipient(7, 'm/s'))
  expect(lowest()).toBe(7)
})

test('what is remembered of messages under way is what the file has, whatever was done to them', () => {
  const { file } = openScratch()
  const { outbox, transaction } = openMeshStore(file, 'a')
  const [msg, other] = [1, 2].map(n => outboxMessage(n).msg) as [string, string]
  const row = (n: number, to: string) => ({ ...outboxRecipient(n, to), dueAt: 50 })
  const sealing = (id: string, bytes = new Uint8Array([1, 2])) => ({
    id,
    msg,
    sentAt: 1,
    state: 'sealed' as const,
    bytes,
    toHash: new Uint8Array(32),
    seq: 0,
    auditIndex: 0,
    acceptedAt: 0,
  })
  const seen = ({ outbox: of }: Pick<ReturnType<typeof openMeshStore>, 'outbox'>) => ({
    messages: [msg, other].map(each => [of.standing(each), of.recipients(each), of.message(each)]),
    one: ['m/s', 'n/s', 'o/s'].map(to => of.recipient(msg, to)),
    sealings: ['i', 'j', 'large'].map(id => [of.sealing(id), of.sealingRecipients(id)]),
    pending: [of.due('', 30, 10), of.due('', 60, 10), of.nextDueAt(10)],
    floors: ['m/s', 'n/s', 'o/s'].map(to => of.lowestOpen('', 'l', to)),
  })
  const undone = (work: () => void) =>
    expect(() =>
      transaction(() => {
        work()
        throw new Error('no')
      }),
    ).toThrow('no')
  const steps: (() => void)[] = [
    () => outbox.insert(outboxMessage(1), [row(1, 'm/s'), row(1, 'n/s')]),
    () => outbox.insert(outboxMessage(2), [row(2, 'm/s')]),
    () => outbox.updateRecipient({ ...row(1, 'n/s'), state: 'sealed', why: 'w', at: 7 }),
    () => outbox.addSealing(sealing('i'), ['m/s', 'n/s']),
    () => outbox.addSealing(sealing('large', new Uint8Array(5_000)), ['m/s']),
    () => undone(() => outbox.updateSealing({ ...sealing('i'), state: 'void', bytes: null })),
    () => outbox.updateSealing({ ...sealing('i'), state: 'accepted', bytes: null, seq: 3, acceptedAt: 9 }),
    () => outbox.endSealing('i', 'n/s', 'refused'),
    () => outbox.hasten('m', 20, []),
    () => outbox.setEnd(msg, 77),
    () => outbox.markDead(msg, true),
    () => undone(() => outbox.remove(msg)),
    () => undone(() => outbox.addSealing(sealing('j'), ['m/s'])),
    () => outbox.dropText(msg),
    () => outbox.updateRecipient({ ...row(1, 'm/s'), state: 'delivered', at: 8 }),
    () => outbox.remove(msg),
    () => outbox.updateRecipient({ ...row(2, 'm/s'), state: 'delivered', at: 8 }),
    () => outbox.forget(100, 100),
  ]
  const states = steps.map(step => {
    step()
    // Another store on the same file remembers nothing.
    expect(seen({ outbox })).toEqual(seen(openMeshStore(file, 'a')))
    return JSON.stringify(seen({ outbox }))
  })
  expect(new Set(states).size).toBe(steps.length - 3)
})

describe('the roster', () => {
  test('grows by its next entry alone', () => {
    const { file } = openScratch()
    const { roster } = openMeshStore(file, 'a')
    const entries = [
      { kind: 'genesis', seq: 0 },
      { at: Number.MAX_SAFE_INTEGER, mesh: null },
      { says: 'and "the" one\u0000 after é 🙂 \\u0041', signatures: ['a', 'b'] },
    ].map(entry => JSON.stringify(entry))
    roster.append(0, entries.slice(0, 1))
    for (const seq of [0, 2]) expect(() => roster.append(seq, ['{}'])).toThrow()
    roster.append(1, entries.slice(1))
    expect(roster.entries()).toEqual(entries)
    expect(roster.count()).toBe(3)
  })
})

describe('the inbox', () => {
  test('knows what waits in a lane, also where nothing did before, or what came was undone', () => {
    const { inbox, transaction } = openMeshStore(openScratch().file, 'a')
    const waiting = () => inbox.waiting('', 'f/s', 'l').map(({ pairSeq }) => pairSeq)
    const insert = (n: number) => inbox.insert({ ...inboxRow(n), state: 'waiting' })
    expect(waiting()).toEqual([])
    expect(() =>
      transaction(() => {
        insert(3)
        expect(waiting()).toEqual([3])
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(waiting()).toEqual([])
    insert(2)
    inbox.insert({ ...inboxRow(1), state: 'early' })
    expect(waiting()).toEqual([2])
    inbox.update({ ...inboxRow(2), state: 'unread' })
    expect(waiting()).toEqual([])
    inbox.update({ ...inboxRow(1), state: 'waiting' })
    expect(waiting()).toEqual([1])
  })

  test('has the lane that was last written, and not one that was undone', () => {
    const { file } = openScratch()
    const { inbox, transaction } = openMeshStore(file, 'a')
    const lane = { owner: '', from: 'f/s', line: 'l', next: 2, waitedMs: 0 }
    const next = () => inbox.lane('', 'f/s', 'l')?.next
    expect(next()).toBeUndefined()
    inbox.putLane(lane)
    expect(() =>
      transaction(() => {
        inbox.putLane({ ...lane, next: 3 })
        expect(next()).toBe(3)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect([next(), openMeshStore(file, 'a').inbox.lane('', 'f/s', 'l')?.next]).toEqual([2, 2])
  })

  test('takes a message of a sender into a mailbox once', () => {
    const { file } = openScratch()
    const { inbox } = openMeshStore(file, 'a')
    inbox.insert(inboxRow(1))
    expect(() => inbox.insert(inboxRow(1))).toThrow(/UNIQUE/)
    inbox.insert({ ...inboxRow(1), owner: 'another' })
    expect(inbox.find('', 'f/s', inboxRow(1).msg)).toEqual(inboxRow(1))
  })
})

test('the person’s mail is given once, and let go of when the inbox forgets it', () => {
  const { file } = openScratch()
  const { scope, inbox } = openMeshStore(file, 'a')
  const mail = personMailOf(scope)
  inbox.insert(inboxRow(1))
  const [kept, gone] = [inboxRow(1).msg, inboxRow(2).msg]
  expect(mail.ungiven()).toEqual([kept])
  mail.give([kept, gone], 'one')
  mail.give([kept], 'two')
  expect([[...mail.of('one')], [...mail.of('two')]]).toEqual([[kept, gone], []])
  mail.forget()
  expect([[...mail.of('one')], mail.ungiven()]).toEqual([[kept], []])
  mail.takeBack([kept])
  mail.give([kept], 'two')
  expect([...mail.of('two')]).toEqual([kept])
})
