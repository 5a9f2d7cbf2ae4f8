/** Copies of a cluster's folders that a running server goes on changing. */
import { chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whom the copies belong to. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Copies a folder with all in it but what `leftOut` names at its top; what vanishes meanwhile is not there. */
export function copyTree(
  from: string,
  to: string,
  owner: Owner,
  leftOut: ReadonlySet<string> = new Set(),
): void {
  makeFolder(to, owner)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (leftOut.has(entry.name)) continue
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyTree(source, target, owner)
    else copyIfThere(source, target, owner)
  }
}

/** A folder of the owner's alone. */
export function makeFolder(path: string, { uid, gid }: Owner): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chownSync(path, uid, gid)
}

/** Writes a file of the owner's alone. */
export function give(path: string, content: string, { uid, gid }: Owner): void {
  writeFileSync(path, content, { mode: 0o600 })
  chownSync(path, uid, gid)
}

function copyIfThere(from: string, to: string, { uid, gid }: Owner): void {
  try {
    copyFileSync(from, to)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
  chownSync(to, uid, gid)
}
