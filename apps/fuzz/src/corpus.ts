/** Inputs worth keeping, a file each, named by what is in them. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const CORPUS = join(import.meta.dirname, '../corpus')

/** The kept inputs of a target, in the order of their names. Throws where there are none: nothing grows from nothing. */
export function readCorpus(target: string): Uint8Array[] {
  const folder = join(CORPUS, target)
  const names = readdirSync(folder).sort()
  if (names.length === 0) throw new Error(`no corpus in ${folder}`)
  return names.map(name => readFileSync(join(folder, name)))
}

/** Keeps an input under `folder` and answers its file. */
export function keepInput(folder: string, input: Uint8Array): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16))
  writeFileSync(file, input)
  return file
}

/** The folder of a target's kept inputs. */
export const corpusFolder = (target: string): string => join(CORPUS, target)
