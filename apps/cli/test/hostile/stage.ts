/** What every attack is given, and what must hold after each: no forged word was shown, nothing was sealed to a strange key. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import { freshDatabase, stopSharedPostgres } from '@claudemesh/testkit'
import { openStoreFile } from '../../src/daemon/store/store-file.ts'
import { LyingBroker } from './lying-broker.ts'
import { People, type Person } from './people.ts'
import { makeWatch, type Watch } from './watch.ts'

/** Stands in every text that an attacker made up. */
export const FORGED = 'forged-words'

export interface Attack {
  /** What the attacker does: the title of its test. */
  readonly name: string
  /** Exactly what is seen of it; what `run` must answer. */
  readonly seen: string | readonly string[]
  /** Attacks for real, and answers what its victims said. */
  readonly run: (stage: Stage) => Promise<string | readonly string[]>
}

export interface Stage {
  readonly broker: LyingBroker
  readonly people: People
  /** The founder and these; the founder is the first. */
  mesh(...names: string[]): Promise<Person[]>
  until: Watch['until']
  /** Something was attacked without the broker lying: counted, so that no attack passes by doing nothing. */
  struck(): void
}

export interface Theatre {
  readonly stage: Stage
  /** Before each attack. */
  begin(): void
  /** After each: ends the people; answers what must be empty, and how often somebody struck. */
  end(): Promise<{ shown: string[]; strangeKeys: string[]; struck: number }>
  close(): Promise<void>
}

export async function openTheatre(): Promise<Theatre> {
  const root = mkdtempSync(join(tmpdir(), 'cm-attack-'))
  const file = openStoreFile(join(root, 'people.sqlite'))
  const database = await freshDatabase()
  const broker = await LyingBroker.start(database.url, crypto.getRandomValues(new Uint8Array(32)))
  const watch = makeWatch()
  broker.onPassed = watch.changed
  const people = new People({ host: broker.host, file, watch })
  let struck = 0
  const stage: Stage = {
    broker,
    people,
    mesh: (...names) => people.mesh(...names),
    until: watch.until,
    struck() {
      struck++
    },
  }
  return {
    stage,
    begin() {
      broker.honest()
      broker.sent.length = 0
      struck = 0
    },
    async end() {
      broker.lie = {}
      const all = [...people.all]
      const shown = all.flatMap(({ client }) =>
        client.inbox({}).flatMap(({ payload }) => (JSON.stringify(payload).includes(FORGED) ? [FORGED] : [])),
      )
      const genuine = new Set(
        all.flatMap(({ store }) => store.prekeys.all().map(({ id }) => toBase64url(id))),
      )
      const strangeKeys = broker.sent
        .flatMap(({ header }) => header.to.map(({ prekeyId }) => toBase64url(prekeyId)))
        .filter(id => !genuine.has(id))
      await people.stop()
      return { shown, strangeKeys, struck: struck + broker.told }
    },
    async close() {
      await people.stop()
      await broker.close()
      file.close()
      await database.drop()
      await stopSharedPostgres()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** `code: message` of what was thrown; `believed` where nothing was. */
export const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'believed',
    error => (error instanceof MeshError ? `${error.code}: ${error.message}` : String(error)),
  )
