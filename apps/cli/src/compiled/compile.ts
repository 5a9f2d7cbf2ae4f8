/** Compiles the program: run by the install, and before a start that is worth it. Where it cannot, the sources run as they are. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BunPlugin } from 'bun'
import { type Compiled, CURRENT, compiledProgram, FOLDER, identity, ROOT, whatIsCompiled } from './current.ts'
import { loadedBy } from './loaded-by.ts'

const ENTRY = `${ROOT}apps/cli/src/main.ts`
const OURS = /^(?:apps|packages)\/[^/]+\/(?!node_modules\/)/
/** A source that changed so shortly before it was read may change again in the same tick of the file system's clock. */
const TICK_MS = 50
const ATTEMPTS = 3
const PREFIX = 'program-'
/** A process that runs from a program which was replaced so long ago has loaded what it needs of it. */
const OLD_MS = 3_600_000

const quotedUrl = (path: string): string => JSON.stringify(pathToFileURL(path).href)

/** Sources find other files from where they are themselves: compiled, they do so still. */
const KEEP_URLS: BunPlugin = {
  name: 'keep-urls',
  setup: build => {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (!OURS.test(relative(ROOT, path))) return undefined
      const source = await Bun.file(path).text()
      if (!source.includes('import.meta')) return undefined
      const contents = source
        .replaceAll('import.meta.url', quotedUrl(path))
        .replace(/import\.meta\.resolve\('([^']+)'\)/g, (_, name) =>
          quotedUrl(Bun.resolveSync(name, dirname(path))),
        )
      if (contents.includes('import.meta'))
        throw new Error(`${path}: of import.meta only url and resolve of a plain name are kept`)
      return { contents, loader: 'ts' }
    })
  },
}

/**
 * What commander takes of two of Node's modules, of which it needs next to nothing: to load them was a third of the CPU time of a short
 * command. Where it imports them in other words, it stays as it is.
 */
const LIGHT_COMMANDER: BunPlugin = {
  name: 'light-commander',
  setup: build => {
    build.onLoad({ filter: /\/commander\/lib\/(?:command|help)\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text()
      const contents = source
        .replace(
          "import { stripVTControlCharacters } from 'node:util';",
          'const stripVTControlCharacters = text => Bun.stripANSI(text);',
        )
        .replace(
          "import childProcess from 'node:child_process';",
          "const childProcess = { spawn: (...how) => process.getBuiltinModule('node:child_process').spawn(...how) };",
        )
      return { contents, loader: 'js' }
    })
  },
}

/** Writes the program and says so last, in one step. Throws where the tree is not ours to write in, or does not compile. */
async function compile(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  const folder = mkdtempSync(join(FOLDER, PREFIX))
  // Whoever may read the sources may run what they are compiled to.
  chmodSync(folder, 0o755 & ~process.umask())
  try {
    const compiled = await compileInto(folder)
    for (const file of readdirSync(folder)) await toDisk(join(folder, file))
    const draft = join(folder, 'current.json')
    writeFileSync(draft, JSON.stringify(compiled))
    await toDisk(draft)
    retire()
    renameSync(draft, CURRENT)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  removeOld(basename(folder))
}

async function compileInto(folder: string): Promise<Compiled> {
  for (let attempt = 1; ; attempt++) {
    const before = Date.now() - TICK_MS
    const of = whatIsCompiled()
    const { outputs, metafile } = await Bun.build({
      entrypoints: [ENTRY],
      outdir: folder,
      target: 'bun',
      splitting: true,
      minify: { whitespace: true, syntax: true },
      metafile: true,
      sourcemap: 'linked',
      plugins: [KEEP_URLS, LIGHT_COMMANDER],
    })
    const program = outputs.find(({ kind }) => kind === 'entry-point')!.path
    const code = outputs.filter(({ kind }) => kind !== 'sourcemap').map(({ path }) => relative(ROOT, path))
    const inTree = (source: string) => relative(ROOT, resolve(source))
    const ours = Object.keys(metafile!.inputs)
      .map(inTree)
      .filter(file => OURS.test(file))
    const files = Object.fromEntries([...ours, ...code].map(file => [file, identity(ROOT + file)]))
    const commands = loadedBy(metafile!, Object.keys(files), {
      entry: ENTRY,
      source: inTree,
      output: path => relative(ROOT, join(folder, path)),
    })
    // After their identities: what changes from here on is another file.
    if (ours.every(file => statSync(ROOT + file).ctimeMs < before))
      return { of, program: relative(ROOT, program), files, commands }
    if (attempt === ATTEMPTS) throw new Error('The sources change while they are compiled.')
    for (const file of readdirSync(folder)) rmSync(join(folder, file))
  }
}

/** A name must not outlive its content when the power fails. */
async function toDisk(path: string): Promise<void> {
  const file = await open(path)
  await file.sync().finally(() => file.close())
}

/** The time of a program's folder is when it was replaced. */
function retire(): void {
  const now = new Date()
  try {
    const { program } = JSON.parse(readFileSync(CURRENT, 'utf8')) as Compiled
    utimesSync(dirname(ROOT + program), now, now)
  } catch {
    // There was none.
  }
}

function removeOld(kept: string): void {
  for (const name of readdirSync(FOLDER)) {
    const path = join(FOLDER, name)
    const isOld = name !== kept && name.startsWith(PREFIX) && Date.now() - statSync(path).mtimeMs > OLD_MS
    if (isOld) rmSync(path, { recursive: true, force: true })
  }
}

if (compiledProgram() === undefined)
  try {
    await compile()
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors : [error]
    process.stderr.write(`claudemesh runs from its sources: ${reasons.map(String).join('; ')}\n`)
  }
