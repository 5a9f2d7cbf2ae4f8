/** The sessions that this machine has in its meshes, and how one of them is found. */
import type { SessionView } from '@claudemesh/client'
import type { Signer } from '@claudemesh/crypto'
import { MeshError, TIMES } from '@claudemesh/protocol'
import { chooseOne } from './choose-one.ts'
import { claudeIdOf, isCalled } from './claude-id.ts'
import type { OpenMesh } from './meshes.ts'
import { profileOf } from './session-row.ts'
import type { SessionRow, SessionRows } from './store/session-rows.ts'

/** A session and the mesh it is in. */
export interface Seated {
  readonly mesh: OpenMesh
  readonly row: SessionRow
  readonly signer: Signer
}

/** Those of one mesh. */
export interface Seats {
  readonly mesh: OpenMesh
  readonly rows: SessionRows
  readonly signers: Map<string, Signer>
  /** By UUID; of this moment alone, so that no row keeps it. */
  readonly waitingFor: Map<string, string>
}

export class KnownSessions {
  protected readonly meshes = new Map<string, Seats>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Every session of this home in the mesh that was used in the last 30 days and whose key is whole. */
  of(mesh: OpenMesh): Seated[] {
    const seats = this.meshes.get(mesh.id)
    if (!seats) return []
    const rows = seats.rows.usedSince(this.#now() - TIMES.knownMs)
    return rows.filter(row => seats.signers.has(row.uuid)).map(row => this.seat(seats, row))
  }

  /** In every mesh, by default. */
  all(mesh?: OpenMesh): Seated[] {
    const meshes = mesh ? [mesh] : [...this.meshes.values()].map(seats => seats.mesh)
    return meshes.flatMap(each => this.of(each))
  }

  /** Those that are open, of every mesh: looked at every second, so without a detour. */
  allOpen(): Seated[] {
    const open: Seated[] = []
    for (const seats of this.meshes.values())
      for (const row of seats.rows.all())
        if (row.open && seats.signers.has(row.uuid)) open.push(this.seat(seats, row))
    return open
  }

  byUuid(uuid: string, mesh?: OpenMesh): Seated[] {
    return this.all(mesh).filter(({ row }) => row.uuid === uuid)
  }

  /** By the UUID that Claude has for it now. */
  byClaudeId(claudeId: string, mesh?: OpenMesh): Seated[] {
    return this.all(mesh).filter(({ row }) => claudeIdOf(row) === claudeId)
  }

  /**
   * By name or Claude's UUID, a prefix of 6 or more, where none fits by one it had before; an open one goes before closed ones.
   * Throws `not-found`, `ambiguous`.
   */
  find(named: string, field: string, mesh?: OpenMesh): Seated {
    const all = this.all(mesh)
    const called = (row: SessionRow) => isCalled(row, named.toLowerCase())
    const byUuid = named.length >= 6 ? all : []
    const now = all.filter(({ row }) => row.name === named || (byUuid.length > 0 && called(row).now))
    const fits = now.length > 0 ? now : byUuid.filter(({ row }) => called(row).before)
    const open = fits.filter(({ row }) => row.open)
    return chooseOne(
      open.length > 0 ? open : fits,
      all,
      ({ row }) => `${row.name} (${claudeIdOf(row).slice(0, 13)})`,
      {
        field,
        none: `This machine has no session ${named}.`,
        many: `${named} fits several sessions of this machine.`,
      },
    )
  }

  /** Own sessions as this machine knows them: before the broker tells of them, and while it cannot. */
  views(mesh: OpenMesh): SessionView[] {
    const { member, memberName, role } = mesh.client.view()
    return this.of(mesh).map(({ row, signer }) => ({
      recipient: { member, session: signer.publicKey },
      uuid: claudeIdOf(row),
      former: row.former.map(({ uuid }) => uuid),
      memberName,
      role: role ?? 'viewer',
      lease: mesh.client.attached(row.uuid) ? 'online' : 'offline',
      leaseAt: row.usedAt,
      status: row.status,
      source: row.statusSource,
      statusAt: row.statusAt,
      profile: profileOf(row, this.waitingFor({ mesh, row })),
      signed: true,
      self: true,
    }))
  }

  /** What a `waiting` session waits for, in Claude's words; empty where it says none. */
  waitingFor({ mesh, row }: Pick<Seated, 'mesh' | 'row'>): string {
    return this.meshes.get(mesh.id)?.waitingFor.get(row.uuid) ?? ''
  }

  /** Throws `not-found`. */
  protected seatsOf(mesh: OpenMesh): Seats {
    const seats = this.meshes.get(mesh.id)
    if (!seats) throw new MeshError('not-found', 'this mesh is not open any more', { field: 'mesh' })
    return seats
  }

  protected seat({ mesh, signers }: Seats, row: SessionRow): Seated {
    return { mesh, row, signer: signers.get(row.uuid)! }
  }
}
