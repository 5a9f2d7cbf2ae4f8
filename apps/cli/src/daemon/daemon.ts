/** Everything a route may reach: made once by `runDaemon`, passed as an argument, never imported. */
import type { Delivery } from '../delivery/port.ts'
import type { HomePaths } from '../home/index.ts'
import type { DaemonLog } from './log.ts'
import type { Mail } from './mail.ts'
import type { Meshes } from './meshes.ts'
import type { Noise } from './noise/noise.ts'
import type { Pause } from './pause.ts'
import type { SessionStatus } from './session-status.ts'
import type { Sessions } from './sessions.ts'
import type { StoreFile } from './store/store-file.ts'
import type { Tokens } from './tokens.ts'

export interface Daemon {
  readonly paths: HomePaths
  readonly version: string
  /** ms since 1970. */
  readonly startedAt: number
  readonly now: () => number
  readonly log: DaemonLog
  readonly file: StoreFile
  readonly tokens: Tokens
  readonly meshes: Meshes
  readonly sessions: Sessions
  readonly mail: Mail
  readonly noise: Noise
  readonly delivery: Delivery
  readonly status: SessionStatus
  readonly pause: Pause
  /** Holds all delivery on this machine, or hands over what was held. */
  readonly setPause: (isPaused: boolean) => void
  /** Aborted when the daemon stops: ends what is kept open. */
  readonly ending: AbortSignal
  /** Ends the daemon, once the answer under way is out. */
  readonly shutDown: () => void
}
