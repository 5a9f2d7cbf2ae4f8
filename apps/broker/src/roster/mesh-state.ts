/** One mesh in memory: its verified roster, who is attached here and which sockets speak for its members. */
import type { Roster } from '@claudemesh/crypto'
import type { Recipient } from '@claudemesh/protocol'
import type { Attachment } from '../delivery/attachment.ts'
import type { OwnRun } from '../delivery/own-run.ts'

/** What a mesh needs of the sockets of its members. */
export interface MemberSocket {
  readonly standing: { readonly is: string; readonly key?: Uint8Array }
  sendJson(text: string): void
  /** Puts a frame behind all others; it goes out with `flushOut`. */
  queueOut(frame: string): void
  flushOut(): void
  close(reason: 'removed'): void
}

/** A session that the sockets here are to be told of, but for the one that knows it already. */
export interface Untold {
  readonly recipient: Recipient
  readonly except: MemberSocket | undefined
}

export interface MeshState {
  /** 32 bytes. */
  readonly id: Uint8Array
  /** Moved on after an append is committed, and by nothing else. */
  roster: Roster
  /** Nobody can fetch the key of the present epoch here: its entry came back from a member, without copies. */
  copiesMissing: boolean
  readonly attachments: Map<string, Attachment>
  readonly run: OwnRun
  /** Sockets with a good hello as member. */
  readonly sockets: Set<MemberSocket>
  /** Sockets of invites, which hold the mesh in memory too. */
  guests: number
  /** Somebody was removed and mail from or to them may still be queued. */
  dropsDue: boolean
  /** When each session last changed as it was last told here, by the database's clock; of the last looks alone. */
  readonly told: Map<string, number>
  /** Sessions that are looked up and told of next. */
  readonly untold: Map<string, Untold>
  /** A look for them is under way, or was a moment ago. */
  telling: boolean
  /** Looks are spent up to this time, ms since 1970. */
  looksUntil: number
  /** Leaves under the newest checkpoint that was told here. */
  checkpointSize: number
  /** The append under way: the next one waits for it. */
  appending: Promise<unknown>
}

/** Sends a frame to every member's socket but `except`. */
export function tellMesh(mesh: MeshState, text: string, except?: MemberSocket): void {
  for (const socket of mesh.sockets) if (socket !== except) socket.sendJson(text)
}
