/** The folder `up` keeps its broker in: ours alone, and never one that holds something else. */
import { accessSync, constants, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import { ensurePrivateFolder } from '../home/index.ts'

export interface DataPaths {
  readonly folder: string
  readonly postgres: string
  readonly brokerKey: string
  readonly state: string
  /** Token that founds a mesh from an address other than loopback; made where others are let in. */
  readonly foundersToken: string
  /** Says who may be the one `up` on this folder. */
  readonly lock: string
}

const OURS = new Set([
  'postgres',
  'broker.key',
  'up.json',
  'founders.token',
  'up.lock',
  'up.lock-wal',
  'up.lock-shm',
  'up.lock-journal',
])

export function dataPaths(data: string): DataPaths {
  const folder = resolve(data)
  return {
    folder,
    postgres: join(folder, 'postgres'),
    brokerKey: join(folder, 'broker.key'),
    state: join(folder, 'up.json'),
    foundersToken: join(folder, 'founders.token'),
    lock: join(folder, 'up.lock'),
  }
}

/** Makes the folder where it is missing, 0700. Throws `forbidden` without the right to write, `conflict` where it is used otherwise. */
export function openData(data: string): DataPaths {
  const paths = dataPaths(data)
  try {
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 })
    if (!statSync(paths.folder).isDirectory()) throw taken(paths.folder, 'is not a folder')
    accessSync(paths.folder, constants.R_OK | constants.W_OK | constants.X_OK)
    const strangers = readdirSync(paths.folder).filter(name => !OURS.has(name) && !name.startsWith('.'))
    if (strangers.length > 0) throw taken(paths.folder, `holds other things (${strangers[0]})`)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOTDIR') throw taken(paths.folder, 'is not a folder')
    throw new MeshError(
      'forbidden',
      `The data folder ${paths.folder} cannot be written (${code}): choose another with --data, or mend its rights.`,
      { cause },
    )
  }
  ensurePrivateFolder(paths.folder)
  return paths
}

const taken = (folder: string, why: string) =>
  new MeshError('conflict', `The data folder ${folder} ${why}: name a new or an empty one with --data.`)
