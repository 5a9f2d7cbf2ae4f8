/** Small named values and counters of a mesh. */
import type { CounterStore, SettingStore } from '@claudemesh/client'
import { and, eq, like, sql } from 'drizzle-orm'
import { hotWrite } from './hot.ts'
import { type Memory, memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'
import { counter, setting } from './schema.ts'

const name = sql.placeholder('name')
const value = sql.placeholder('value')

/** By scope: whoever asks for the values of a mesh sees what another has set. */
const remembered = new WeakMap<
  MeshScope,
  { settings: Memory<string | undefined>; counters: Memory<number> }
>()

function memoriesOf(scope: MeshScope) {
  const held = remembered.get(scope) ?? {
    settings: memoryOf<string | undefined>(scope),
    counters: memoryOf<number>(scope),
  }
  remembered.set(scope, held)
  return held
}

export function settingStore(scope: MeshScope): SettingStore {
  const { orm, mesh } = scope
  const { settings } = memoriesOf(scope)
  const one = and(eq(setting.mesh, mesh), eq(setting.name, name))
  const get = orm.select().from(setting).where(one).prepare()
  const set = orm
    .insert(setting)
    .values({ mesh, name, value })
    .onConflictDoUpdate({ target: [setting.mesh, setting.name], set: { value: sql`excluded.value` } })
    .prepare()
  return {
    get: name => settings.get(name, () => get.get({ name })?.value),
    set: (name, value) => {
      set.run({ name, value })
      settings.set(name, value)
    },
  }
}

export function counterStore(scope: MeshScope): CounterStore {
  const { orm, mesh, late } = scope
  const { counters } = memoriesOf(scope)
  const one = and(eq(counter.mesh, mesh), eq(counter.name, name))
  const get = orm.select().from(counter).where(one).prepare()
  const set = hotWrite<'name' | 'value'>(
    scope,
    orm
      .insert(counter)
      .values({ mesh, name, value })
      .onConflictDoUpdate({ target: [counter.mesh, counter.name], set: { value: sql`excluded.value` } }),
  )
  return {
    get: name =>
      counters.get(name, () => {
        late.write()
        return get.get({ name })?.value ?? 0
      }),
    set: (name, value) => {
      late.put(`counter/${mesh}/${name}`, () => set({ name, value }))
      counters.set(name, value)
    },
  }
}

/** The highest counters heard of other members' prekeys and presence: what is lower is refused. */
export function seenCountersOf({ orm, mesh, late }: MeshScope): {
  all(): { name: string; value: number }[]
} {
  const ours = and(eq(counter.mesh, mesh), like(counter.name, 'seen-%'))
  return {
    all: () => {
      late.write()
      return orm.select({ name: counter.name, value: counter.value }).from(counter).where(ours).all()
    },
  }
}
