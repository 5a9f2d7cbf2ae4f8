import { expect, test } from 'vitest'
import { newEnvelope } from '../../test/test-envelope.ts'
import { randomBytes } from '../../test/test-member.ts'
import { noBackplane } from '../backplane/news.ts'
import { systemClock } from '../clock.ts'
import { openLog } from '../telemetry/log.ts'
import { openMetrics } from '../telemetry/metrics.ts'
import { AckAnswer, SendAnswer } from './answers.ts'
import type { Attachment, PushSocket } from './attachment.ts'
import { type Batch, BatchWriter, type Outcomes } from './batch-writer.ts'
import { OwnRun } from './own-run.ts'

const none = () => 0
const newSocket = (): PushSocket => ({
  attached: [],
  inFlightCount: 0,
  inFlightBytes: 0,
  reservedCount: 0,
  heldBytes: 0,
  turn: 0,
  congested: false,
  queueOut() {},
  flushOut() {},
  sendJson() {},
  tellReplaced() {},
})
const anySocket = newSocket()

/** A lane whose commits end when the test says so. */
function bench(maxRows: number) {
  const commits: { ids: number[]; acks: number; land: () => void; fail: () => void }[] = []
  const told: { ids: number[]; failed: boolean }[] = []
  const idOf = (id: Uint8Array) => id[0]!
  const lane = new BatchWriter({
    maxRows,
    commit: ({ accepts, acks }) =>
      new Promise<Outcomes>((resolve, reject) => {
        const ids = accepts.map(item => idOf(item.id))
        commits.push({
          ids,
          acks: acks.length,
          land: () => resolve({ accepts: [], acks: [] }),
          fail: () => reject(new Error('gone')),
        })
      }),
    committed: (batch: Batch, outcomes) =>
      told.push({ ids: batch.accepts.map(({ item }) => idOf(item.id)), failed: outcomes === null }),
    clock: systemClock,
    metrics: openMetrics({
      connections: none,
      attachments: none,
      waiting: none,
      queued: async () => 0,
      nodes: none,
      backplane: noBackplane,
    }),
    log: openLog('silent'),
  })
  const mesh = { id: randomBytes(32), attachments: new Map(), run: new OwnRun() }
  const person = { member: randomBytes(32), session: null }
  const add = (n: number, recipients = 1, socket = anySocket) => {
    const { header, body, slots } = newEnvelope({
      mesh: mesh.id,
      from: person,
      to: [person],
      id: new Uint8Array(16).fill(n),
    })
    const to = Array.from({ length: recipients }, () => ({ recipient: person, slot: slots[0]! }))
    const item = {
      mesh: mesh.id,
      id: header.id,
      from: person,
      contentHash: randomBytes(32),
      header: body,
      body,
      recipientsHash: body,
      to,
      expiresAt: 0,
    }
    lane.accept({ item, mesh, answer: new SendAnswer(socket, 1, 1), place: 0, bytes: 1, arrived: 0 })
    lane.kick()
  }
  /** An ack that somebody waits for, by an attachment of its own that was handed so many. */
  const ack = (count = 1) => {
    const inFlight = { count }
    const attachment = {
      mesh: mesh.id,
      recipient: person,
      number: 1,
      socket: anySocket,
      inFlight,
    } as Attachment
    lane.ack(attachment, 1, new AckAnswer(anySocket, 1, 1), true)
  }
  const settle = () => new Promise(resolve => setImmediate(resolve))
  return { lane, commits, told, add, ack, settle }
}

test('one row goes at once, another beside it; what comes then goes together, in order', async () => {
  const { commits, told, add, settle } = bench(100)
  for (const n of [1, 2, 3, 4]) add(n)
  expect(commits.map(c => c.ids)).toEqual([[1], [2]])
  commits[0]!.land()
  await settle()
  expect(commits).toHaveLength(2)
  commits[1]!.land()
  await settle()
  expect(commits.map(c => c.ids)).toEqual([[1], [2], [3, 4]])
  expect(told.map(one => one.ids)).toEqual([[1], [2]])
})

test('a crowd does not wait for the end of a commit, but only one flies beside it', async () => {
  const { commits, told, add, settle } = bench(1000)
  const ids = Array.from({ length: 99 }, (_, i) => i + 1)
  for (const n of ids.slice(0, 40)) add(n)
  expect(commits.map(c => c.ids)).toEqual([[1], [2]])
  commits[0]!.land()
  await settle()
  expect(commits[2]!.ids).toEqual(ids.slice(2, 40))
  for (const n of ids.slice(40)) add(n)
  expect(commits).toHaveLength(3)
  commits[1]!.land()
  await settle()
  expect(commits[3]!.ids).toEqual(ids.slice(40))
  commits[2]!.land()
  commits[3]!.land()
  await settle()
  expect(told.flatMap(one => one.ids)).toEqual(ids)
})

test('a few envelopes and acks go apart, by turns; a crowd takes acks along', async () => {
  const { commits, add, ack, settle } = bench(1000)
  const landAll = async (from: number) => {
    for (const { land } of commits.slice(from)) land()
    await settle()
  }
  add(1)
  add(2)
  for (const n of [3, 4]) add(n)
  for (let n = 0; n < 3; n++) ack()
  await landAll(0)
  // Envelopes come again and again: acks wait for one commit of them.
  for (const n of [5, 6]) add(n)
  await landAll(2)
  await landAll(3)
  expect(commits.map(c => [c.ids, c.acks])).toEqual([
    [[1], 0],
    [[2], 0],
    [[3, 4], 0],
    [[], 3],
    [[5, 6], 0],
  ])
  for (let n = 10; n < 50; n++) add(n)
  ack()
  await landAll(4)
  await landAll(5)
  expect(commits.at(-1)).toMatchObject({ ids: Array.from({ length: 38 }, (_, i) => i + 12), acks: 1 })
})

test('acks end 256 deliveries in a commit, one ack as many as it likes, and those beside a crowd four times the crowd', async () => {
  const { commits, add, ack, settle } = bench(1000)
  for (const count of [100, 500, 100, 100, 100]) ack(count)
  for (let n = 0; n < 4; n++) {
    commits[n]?.land()
    await settle()
  }
  expect(commits.map(c => c.acks)).toEqual([1, 1, 2, 1])
  add(0)
  for (let n = 1; n < 101; n++) add(n)
  for (const count of [200, 200, 200]) ack(count)
  for (let n = 3; n < 8; n++) {
    commits[n]?.land()
    await settle()
  }
  expect(commits.slice(4).map(c => [c.ids.length, c.acks])).toEqual([
    [1, 0],
    [1, 0],
    [64, 1],
    [35, 1],
    [0, 1],
  ])
})

test('exclusive work waits for all that fly, and a crowd waits for it', async () => {
  const { lane, commits, add, settle } = bench(1000)
  for (let n = 0; n < 33; n++) add(n)
  expect(commits).toHaveLength(2)
  const work = Promise.withResolvers<void>()
  let ran = false
  const done = lane.exclusive(() => {
    ran = true
    return work.promise
  })
  commits[0]!.land()
  await settle()
  expect(ran).toBe(false)
  commits[1]!.land()
  await settle()
  expect(ran).toBe(true)
  for (let n = 0; n < 100; n++) add(n)
  expect(commits).toHaveLength(2)
  work.resolve()
  await done
  await settle()
  expect(commits).toHaveLength(3)
})

test('a commit takes no more rows than it may, but one envelope of many recipients goes alone', async () => {
  const { commits, add, settle } = bench(10)
  add(0)
  add(1, 6)
  add(2, 6)
  add(3, 256)
  add(4)
  for (let i = 0; i < 5; i++) {
    commits[i]?.land()
    await settle()
  }
  expect(commits.map(c => c.ids)).toEqual([[0], [1], [2], [3], [4]])
})

test('beside others a socket has a turn of 32 in a commit, none beside it, and keeps its own order', async () => {
  const { commits, add, settle } = bench(48)
  const [flood, calm, other] = [newSocket(), newSocket(), newSocket()]
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
  add(0)
  for (const n of numbers(1, 100)) add(n, 1, flood)
  add(200, 1, calm)
  add(201, 1, calm)
  add(210, 3, other)
  for (let i = 0; i < 4; i++) {
    commits[i]?.land()
    await settle()
  }
  expect(commits.map(c => c.ids)).toEqual([
    [0],
    [1],
    [...numbers(2, 33), 200, 201, 210],
    numbers(34, 65),
    numbers(66, 97),
  ])
})

test('a failed commit calls nothing of it a success, and the lane goes on', async () => {
  const { commits, told, add, settle } = bench(10)
  add(1)
  add(2)
  commits[0]!.fail()
  await settle()
  commits[1]!.land()
  await settle()
  expect(told).toEqual([
    { ids: [1], failed: true },
    { ids: [2], failed: false },
  ])
})

test('exclusive work runs between commits, never beside one', async () => {
  const { lane, commits, add, settle } = bench(10)
  add(1)
  let ran = false
  const work = Promise.withResolvers<void>()
  const done = lane.exclusive(() => {
    ran = true
    return work.promise
  })
  expect(ran).toBe(false)
  commits[0]!.land()
  await settle()
  expect(ran).toBe(true)
  add(2)
  expect(commits).toHaveLength(1)
  work.resolve()
  await done
  await settle()
  expect(commits.map(c => c.ids)).toEqual([[1], [2]])
})

test('failing exclusive work tells its caller and does not stop the lane', async () => {
  const { lane, commits, add, settle } = bench(10)
  await expect(lane.exclusive(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  add(1)
  expect(commits).toHaveLength(1)
  let idle = false
  void lane.idle().then(() => {
    idle = true
  })
  await settle()
  expect(idle).toBe(false)
  commits[0]!.land()
  await settle()
  expect(idle).toBe(true)
})
