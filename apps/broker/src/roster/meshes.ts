/** The meshes in memory: replayed from the database and verified at first use, forgotten when nobody is left. */
import { type Roster, replayRoster } from '@claudemesh/crypto'
import type { BrokerStore } from '@claudemesh/db'
import { LIMITS, type RosterEntry, rosterEntry } from '@claudemesh/protocol'
import { OwnRun } from '../delivery/own-run.ts'
import { bytesIndex } from '../delivery/recipient-index.ts'
import type { MeshState } from './mesh-state.ts'

/** Meshes without a socket that are kept, so that a reconnect replays nothing. */
const IDLE_KEPT = 256

export interface Meshes {
  /** The mesh, read at most once however many ask. Throws `unknown-mesh`, or `integrity` for a chain that does not verify. */
  open(id: Uint8Array): Promise<MeshState>
  /** The mesh if it is in memory. */
  peek(id: Uint8Array): MeshState | undefined
  all(): Iterable<MeshState>
  /** Forgets idle meshes beyond what is kept. */
  sweep(): void
}

export function openMeshes(db: BrokerStore): Meshes {
  const standing = new Map<string, MeshState>()
  const opening = new Map<string, Promise<MeshState>>()

  async function load(id: Uint8Array): Promise<MeshState> {
    const roster = await readRoster(db, id)
    const mesh: MeshState = {
      id,
      roster,
      copiesMissing: await lacksCopies(db, roster),
      attachments: new Map(),
      run: new OwnRun(),
      sockets: new Set(),
      guests: 0,
      dropsDue: roster.removed.size > 0,
      told: new Map(),
      untold: new Map(),
      telling: false,
      looksUntil: 0,
      checkpointSize: 0,
      appending: Promise.resolve(),
    }
    standing.set(bytesIndex(id), mesh)
    return mesh
  }

  return {
    async open(id) {
      const index = bytesIndex(id)
      const known = standing.get(index) ?? opening.get(index)
      if (known !== undefined) return known
      const loading = load(id.slice()).finally(() => opening.delete(index))
      opening.set(index, loading)
      return loading
    },
    peek: id => standing.get(bytesIndex(id)),
    all: () => standing.values(),
    sweep() {
      let idle = 0
      for (const [index, mesh] of standing)
        if (mesh.sockets.size === 0 && mesh.guests === 0 && ++idle > IDLE_KEPT) standing.delete(index)
    },
  }
}

/** The key of the first epoch has no copies: it stands in the invites. */
export async function lacksCopies(db: BrokerStore, { mesh, epoch }: Roster): Promise<boolean> {
  return epoch.number > 1 && !(await db.hasEpochCopies({ mesh, seq: epoch.beganSeq }))
}

async function readRoster(db: BrokerStore, mesh: Uint8Array): Promise<Roster> {
  const entries: RosterEntry[] = []
  for (;;) {
    const page = await db.rosterPage({ mesh, from: entries.length, limit: LIMITS.rosterPage, reader: mesh })
    for (const entry of page.entries) entries.push(rosterEntry.decode(entry))
    if (page.entries.length === 0 || entries.length > page.headSeq) return replayRoster(entries, { mesh })
  }
}
