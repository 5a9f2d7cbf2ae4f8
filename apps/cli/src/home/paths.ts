/** Every path under a home, from the home's own path alone: the same for the daemon and for whoever talks to it. */
import { existsSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A unix socket's path holds about 103 bytes (sun_path is 104 on macOS, 108 on Linux). */
const MAX_SOCKET_PATH = 100

type Env = Readonly<Record<string, string | undefined>>

export interface HomePaths {
  /** Absolute; 0700. */
  readonly home: string
  /** The user's token for the local API; 0600. */
  readonly token: string
  /** What the running daemon says of itself: see `DaemonFile`. */
  readonly daemonFile: string
  /** Says who may be the one daemon of this home. */
  readonly lock: string
  /** There while delivery is paused on this machine. */
  readonly paused: string
  /** The daemon's socket, in `socketFolder`. */
  readonly socket: string
  /** The home, or a short 0700 folder where the home's path is too long for a socket. */
  readonly socketFolder: string
  readonly store: string
  readonly logs: string
  readonly log: string
  readonly meshes: string
  /** Keys of sessions, one folder a mesh. */
  readonly sessions: string
  /** Tokens of open sessions, `<name>.token`. */
  readonly run: string
  readonly sessionToken: (name: string) => string
  /** Beside it, while its session runs: what its client is started with. */
  readonly sessionPlugin: (name: string) => string
  /** Data of `up`. */
  readonly broker: string
}

/** `CLAUDEMESH_HOME`, else `~/.claudemesh`; absolute. */
export function currentHome(env: Env = process.env): string {
  return resolve(env.CLAUDEMESH_HOME || join(env.HOME || homedir(), '.claudemesh'))
}

/** Paths only: nothing is made or looked into, but for which of the runtime folders exists. */
export function homePaths(home: string = currentHome(), env: Env = process.env): HomePaths {
  const root = resolve(home)
  const within = (...names: string[]) => join(root, ...names)
  const socketFolder = fits(join(root, 'daemon.sock')) ? root : shortFolder(root, env)
  return {
    home: root,
    token: within('token'),
    daemonFile: within('daemon.json'),
    lock: within('daemon.lock'),
    paused: within('paused'),
    socket: join(socketFolder, 'daemon.sock'),
    socketFolder,
    store: within('daemon.sqlite'),
    logs: within('logs'),
    log: within('logs', 'daemon.log'),
    meshes: within('meshes'),
    sessions: within('sessions'),
    run: within('run'),
    sessionToken: name => within('run', `${name}.token`),
    sessionPlugin: name => within('run', `${name}.plugin`),
    broker: within('broker'),
  }
}

const fits = (socket: string): boolean => Buffer.byteLength(socket) <= MAX_SOCKET_PATH

function shortFolder(home: string, env: Env): string {
  const name = `claudemesh-${new Bun.CryptoHasher('sha256').update(home).digest('hex').slice(0, 16)}`
  const bases = [env.XDG_RUNTIME_DIR, tmpdir(), '/tmp'].filter(base => base !== undefined && base !== '')
  const base = bases.find(each => existsSync(each!) && fits(join(each!, name, 'daemon.sock')))
  return join(base ?? '/tmp', name)
}
