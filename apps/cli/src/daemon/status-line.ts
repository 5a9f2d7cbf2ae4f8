/** What a session's status line says of the mesh. */
import { harmlessLine } from '../output/harmless.ts'
import type { Daemon } from './daemon.ts'
import type { Seated } from './known-sessions.ts'

/** `home/web · 3 unread · dnd`: one part a mesh, then what keeps messages from coming by themselves. `seats`: one session's. */
export function statusLine({ pause }: Pick<Daemon, 'pause'>, seats: readonly Seated[]): string {
  const parts = seats.map(({ mesh, row }) => {
    const { name } = mesh.client.view()
    const state = mesh.client.state === 'online' ? '' : ` (${mesh.client.state})`
    return harmlessLine(`${name}/${row.name}`) + state
  })
  const unread = seats.reduce((sum, { mesh, row }) => sum + mesh.client.unread(row.uuid), 0)
  const [{ row } = { row: undefined }] = seats
  const holds = [
    ...(row?.status === 'dnd' ? ['dnd'] : []),
    ...(row !== undefined && row.deliver !== 'push' ? [`deliver ${row.deliver}`] : []),
    ...(pause.since === null ? [] : ['paused']),
  ]
  return ['mesh', ...parts].join(' ').concat(...[`${unread} unread`, ...holds].map(each => ` · ${each}`))
}
