/** A small disk of its own for a folder, which can be full: a file system in memory, so Linux and root only. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Whether this user may mount one. */
export const CAN_FILL_DISKS: boolean = process.platform === 'linux' && process.getuid?.() === 0
const BLOCK = 4096
const CHUNK = 256 * BLOCK

export class Disk {
  readonly #folder: string
  readonly #filler: string

  /** Makes the folder and mounts `bytes` there, where that is allowed; elsewhere it is a folder like any other and never full. */
  constructor(folder: string, bytes: number) {
    this.#folder = folder
    this.#filler = join(folder, 'filler')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (CAN_FILL_DISKS)
      asRoot('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'claudemesh-test', folder)
  }

  /** Not a byte is left from now on. */
  fill(): void {
    if (!CAN_FILL_DISKS) return
    const file = openSync(this.#filler, 'a')
    try {
      for (const size of [CHUNK, BLOCK]) writeUntilFull(file, Buffer.alloc(size))
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true })
  }

  /** The folder is empty again, whoever still has a file of it open. */
  unmount(): void {
    if (CAN_FILL_DISKS) asRoot('umount', '-l', this.#folder)
  }
}

function writeUntilFull(file: number, chunk: Buffer): void {
  try {
    for (;;) writeSync(file, chunk)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}

function asRoot(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}
