/** Which files of the compiled program, and of its sources, a process can load that runs one command. */
import { basename, resolve } from 'node:path'
import type { BuildMetafile } from 'bun'
import { FIRST_NAMES } from '../program.ts'

interface Paths {
  readonly entry: string
  /** Of a source and of a compiled file as the metafile names them: relative to the root. */
  readonly source: (path: string) => string
  readonly output: (path: string) => string
}

/**
 * By the command's name, as places in `files`. Of a command that has no file of its own name nothing is said. The entry loads the
 * named command alone: its own dynamic imports are not followed, all others are.
 */
export function loadedBy(
  { outputs }: BuildMetafile,
  files: readonly string[],
  paths: Paths,
): Record<string, number[]> {
  const places = new Map(files.map((file, n) => [file, n]))
  const entry = Object.keys(outputs).find(path => isMadeFrom(path, paths.entry))!
  function closure(command: string): number[] {
    const loaded = new Set<string>()
    const found = new Set<number | undefined>()
    const open = [entry, command]
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      const output = outputs[path]
      if (output === undefined || loaded.has(path)) continue
      loaded.add(path)
      found.add(places.get(paths.output(path)))
      for (const source of Object.keys(output.inputs)) found.add(places.get(paths.source(source)))
      for (const { path: next, kind } of output.imports)
        if (path !== entry || kind !== 'dynamic-import') open.push(next)
    }
    return [...found].filter(place => place !== undefined).sort((a, b) => a - b)
  }
  const named = Object.keys(outputs).flatMap(path => {
    const source = outputs[path]!.entryPoint
    const name = source === undefined ? '' : basename(source, '.ts')
    const isCommand = FIRST_NAMES.includes(name) && source!.endsWith(`commands/${name}.ts`)
    return isCommand ? [[name, closure(path)] as const] : []
  })
  return Object.fromEntries(named)

  function isMadeFrom(path: string, source: string): boolean {
    const from = outputs[path]!.entryPoint
    return from !== undefined && resolve(from) === source
  }
}
