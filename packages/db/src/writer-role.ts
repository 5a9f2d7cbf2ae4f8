/** A broker works as a role that may add to the audit log and read it, and nothing else: migrations alone run as its owner. */
import { MeshError } from '@claudemesh/protocol'
import { type Database, openDatabase } from './database.ts'

/** Made by `grant_writer`, which every migration calls. */
const WRITER = 'claudemesh_writer'

/**
 * Opens a migrated database as the writer's role. `guarded: false` where the server does not let us take that role (its own
 * may not make roles, or a pooler stands between): then we are its owner, and only the triggers guard the log.
 * Throws as `openDatabase`.
 */
export async function openAsWriter(opts: {
  url: string
  applicationName?: string
}): Promise<{ db: Database; guarded: boolean }> {
  const url = URL.parse(opts.url)
  try {
    if (!url) throw new MeshError('unsupported', 'an address that takes no parameters')
    // A parameter of the connection itself: `RESET ROLE` leads back to it.
    url.searchParams.set('role', WRITER)
    return { db: await openDatabase({ ...opts, url: url.href }), guarded: true }
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    return { db: await openDatabase(opts), guarded: false }
  }
}
