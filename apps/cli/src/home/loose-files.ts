/** Finds what in a home others could read: every secret must be 0600 in a 0700 folder. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { HomePaths } from './paths.ts'

/** Paths under the home, at most `limit`, that group or others have any right to. The broker's data folder keeps its own. */
export function looseFiles(paths: HomePaths, limit = 20): string[] {
  const loose: string[] = []
  const visit = (path: string): void => {
    if (loose.length >= limit || path === paths.broker) return
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (!found || found.isSymbolicLink()) return
    if ((found.mode & 0o077) !== 0) loose.push(path)
    if (found.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name))
  }
  visit(paths.home)
  return loose
}
