/** Small named values and counters of a mesh. */
import type { CounterStore, SettingStore } from '@claudemesh/client'
import { and, eq, like, sql } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'
import { counter, setting } from './schema.ts'

const name = sql.placeholder('name')
const value = sql.placeholder('value')

export function settingStore({ orm, mesh }: MeshScope): SettingStore {
  const one = and(eq(setting.mesh, mesh), eq(setting.name, name))
  const get = orm.select().from(setting).where(one).prepare()
  const set = orm
    .insert(setting)
    .values({ mesh, name, value })
    .onConflictDoUpdate({ target: [setting.mesh, setting.name], set: { value: sql`excluded.value` } })
    .prepare()
  return {
    get: name => get.get({ name })?.value,
    set: (name, value) => void set.run({ name, value }),
  }
}

export function counterStore({ orm, mesh }: MeshScope): CounterStore {
  const one = and(eq(counter.mesh, mesh), eq(counter.name, name))
  const get = orm.select().from(counter).where(one).prepare()
  const set = orm
    .insert(counter)
    .values({ mesh, name, value })
    .onConflictDoUpdate({ target: [counter.mesh, counter.name], set: { value: sql`excluded.value` } })
    .prepare()
  return {
    get: name => get.get({ name })?.value ?? 0,
    set: (name, value) => void set.run({ name, value }),
  }
}

/** The highest counters heard of other members' prekeys and presence: what is lower is refused. */
export function seenCountersOf({ orm, mesh }: MeshScope): { all(): { name: string; value: number }[] } {
  const ours = and(eq(counter.mesh, mesh), like(counter.name, 'seen-%'))
  return {
    all: () => orm.select({ name: counter.name, value: counter.value }).from(counter).where(ours).all(),
  }
}
