import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { sessionFile, startModelStub } from '@claudemesh/testkit'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Bench, fromAlice, makeBench } from './delivery-bench.ts'
import { claude } from './two-people.ts'

/** Longer than a push may go untaken, and than a rung that failed once is left alone; ms. */
const [DOUBT, REST] = [11_000, 61_000]

describe.skipIf(claude === undefined)('a session whose messaging socket', () => {
  const model = startModelStub()
  afterAll(() => model.close())

  const benchOf = (o: Parameters<typeof makeBench>[2] = {}): Bench => {
    const bench = makeBench(model, claude!, o)
    onTestFinished(async () => {
      expect(bench.early).toEqual([])
      await bench.close()
    })
    return bench
  }
  const socketOf = async (bench: Bench): Promise<string> =>
    (await sessionFile(bench.at, file => file.status === 'idle')).messagingSocketPath!

  test('was removed is woken by the hook that waits, with a long message cut to what a hook may say', async () => {
    const bench = benchOf()
    await bench.start()
    rmSync(await socketOf(bench))
    const message = fromAlice(`long ${'x'.repeat(20_000)}`)
    bench.arrive(message)
    const request = await model.seen(r => r.whole.includes(`== message ${message.id}`))
    expect(request.whole).toContain('== cut here: 15005 more characters; mesh_inbox')
    await bench.surfacedAll([message.id])
    expect(bench.ways).toEqual(['wake'])
    expect(bench.delivery.ladder(bench.uuid)).toMatchObject({
      words: expect.stringMatching(/nobody listens/),
    })
  })

  test('refuses by the user’s setting is found out, and the next rung delivers', async () => {
    const bench = benchOf()
    const settings = { crossSessionInbound: 'refuse' }
    writeFileSync(join(bench.at.home, '.claude', 'settings.json'), JSON.stringify(settings))
    await bench.start()
    const message = fromAlice('refused at the front door')
    bench.arrive(message)
    await bench.handedOver(message.id)
    expect(bench.surfaced).toEqual([])
    bench.later(DOUBT)
    await bench.surfacedAll([message.id])
    expect(bench.ways).toEqual(['socket', 'wake'])
    expect(bench.delivery.ladder(bench.uuid)).toMatchObject({
      words: expect.stringMatching(/never showed up/),
    })
  })

  test('and whose hooks let nothing in is told of as held by policy, and nothing is said to have surfaced', async () => {
    const bench = benchOf({ wakes: false })
    const settings = { crossSessionInbound: 'refuse', disableAllHooks: true }
    writeFileSync(join(bench.at.home, '.claude', 'settings.json'), JSON.stringify(settings))
    await bench.start()
    const message = fromAlice('no way in')
    bench.arrive(message)
    await bench.handedOver(message.id)
    bench.later(DOUBT)
    await bench.says(new RegExp(`held ${message.id} policy`))
    expect(bench.surfaced).toEqual([])
    expect(bench.hooks).toEqual([])
  })

  test('holds for its user what comes is passed by the next rung, and is not taken for an arrival', async () => {
    const bench = benchOf()
    const settings = { crossSessionInbound: 'hold' }
    writeFileSync(join(bench.at.home, '.claude', 'settings.json'), JSON.stringify(settings))
    const terminal = await bench.start()
    const message = fromAlice('held at the door')
    bench.arrive(message)
    await terminal.shows(/Held peer message/)
    expect(bench.surfaced).toEqual([])
    bench.later(DOUBT)
    await bench.surfacedAll([message.id])
    expect(bench.ways).toEqual(['socket', 'wake'])
    expect(model.requests.at(-1)!.whole.split(`== message ${message.id}`)).toHaveLength(2)
  })

  test('hangs is left alone, and tried again after a while', async () => {
    const bench = benchOf()
    await bench.start()
    const path = await socketOf(bench)
    renameSync(path, `${path}.kept`)
    const { promise: known, resolve } = Promise.withResolvers<string[]>()
    const deaf = createServer(socket => socket.once('data', () => resolve([...bench.ways]))).listen(path)
    onTestFinished(() => void deaf.close())
    const message = fromAlice('into the void')
    bench.arrive(message)
    await bench.handedOver(message.id)
    // It was written down before a byte of it had left.
    expect(await known).toEqual(['socket'])
    bench.later(DOUBT)
    await bench.surfacedAll([message.id])
    expect(bench.ways).toEqual(['socket', 'wake'])
    renameSync(`${path}.kept`, path)
    await socketOf(bench)
    bench.later(REST)
    const next = fromAlice('SAY the door is open again')
    bench.arrive(next)
    await bench.surfacedAll([next.id])
    expect(bench.ways).toEqual(['socket', 'wake', 'socket'])
    expect(bench.delivery.ladder(bench.uuid)).toMatchObject({ rung: 'socket' })
  })

  test('is gone, and that nothing may wake, is told at the next hook, once, and the transcript proves it', async () => {
    const bench = benchOf({ wakes: false })
    const terminal = await bench.start()
    rmSync(await socketOf(bench))
    const message = fromAlice('by the back door')
    bench.arrive(message)
    await bench.says(/push-failed.*"down":true/)
    await terminal.submit('SAY first')
    await bench.surfacedAll([message.id])
    expect(bench.surfaced).toEqual([{ id: message.id, proof: 'transcript' }])
    expect(bench.ways).toEqual(['hook'])
    await terminal.submit('ECHO by the back d[o]or')
    await terminal.shows(/● ECHO by the back door/)
    expect(model.requests.at(-1)!.whole.split(`== message ${message.id}`)).toHaveLength(2)
  })
})
