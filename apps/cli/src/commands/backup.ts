/** `backup` and `restore`: the keys of this home in one file, under a passphrase. */
import { lstatSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { MeshError } from '@claudemesh/protocol/errors'
import type { Command } from 'commander'
import { ensurePrivateFolder, type HomePaths, homePaths, writeNewFile } from '../home/index.ts'
import { askPassphrase } from '../output/passphrase.ts'
import { act, type CommonOptions, define } from './define.ts'

interface BackupOptions extends CommonOptions {
  passphraseFile?: string
}

const MOST_BYTES = 256 * 1024 * 1024
const PASSPHRASE = ['--passphrase-file <file>', 'its first line is the passphrase; - is stdin'] as const

export function addBackup(program: Command): void {
  const backup = define(program, {
    usage: 'backup <file>',
    about: 'write the keys of this home into one file, under a passphrase; no messages are in it',
    examples: [
      'claudemesh backup ~/claudemesh.age',
      'pass claudemesh | claudemesh backup --passphrase-file - keys.age',
    ],
  }).option(...PASSPHRASE)
  act<BackupOptions>(backup, async (cli, options, [file = '']) => {
    const path = resolve(file)
    if (lstatSync(path, { throwIfNoEntry: false }))
      throw new MeshError('conflict', `${file} is there already: name another file, or move it away.`)
    const { gatherBackup } = await import('../backup/contents.ts')
    const { sealBytes } = await import('../backup/sealed-file.ts')
    const contents = await withStore(homePaths(cli.home), store =>
      gatherBackup(homePaths(cli.home), store, Date.now()),
    )
    const passphrase = await askPassphrase(cli, { file: options.passphraseFile, twice: true })
    writeNewFile(path, await sealBytes(contents, passphrase))
    if (cli.json) return cli.object({ file: path })
    cli.line(`Written to ${file}. Without its passphrase it is worth nothing, to you as to others.`)
    cli.note('It holds keys and who is in your meshes, no messages. Back: claudemesh restore <file>')
  })

  const restore = define(program, {
    usage: 'restore <file>',
    about: 'make this home what a backup says; the machine it was made on must not run any more',
    examples: ['claudemesh restore ~/claudemesh.age'],
  }).option(...PASSPHRASE)
  act<BackupOptions>(restore, async (cli, options, [file = '']) => {
    const sealed = readBounded(file)
    const passphrase = await askPassphrase(cli, { file: options.passphraseFile, twice: false })
    const { putBack } = await import('../backup/contents.ts')
    const { openBytes } = await import('../backup/sealed-file.ts')
    const { takeLock } = await import('../daemon/lock.ts')
    const contents = await openBytes(sealed, passphrase)
    const paths = homePaths(cli.home)
    ensurePrivateFolder(paths.home)
    const lock = locked(() => takeLock(paths.lock))
    try {
      const meshes = await withStore(paths, store => putBack(paths, store, contents))
      if (cli.json) return cli.object({ meshes })
      const count = meshes.length === 1 ? 'one mesh' : `${meshes.length} meshes`
      cli.line(`This home is a member of ${count} again. Start it: claudemesh daemon start`)
    } finally {
      lock.release()
    }
  })
}

async function withStore<T>(
  paths: HomePaths,
  work: (store: import('../daemon/store/store-file.ts').StoreFile) => T,
): Promise<T> {
  const { openStoreFile } = await import('../daemon/store/store-file.ts')
  ensurePrivateFolder(paths.home)
  const store = openStoreFile(paths.store)
  try {
    return work(store)
  } finally {
    store.close()
  }
}

/** A running daemon would not see what is put under it. */
function locked<T>(take: () => T): T {
  try {
    return take()
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'already-running') throw error
    throw new MeshError('already-running', 'The daemon runs. Stop it first: claudemesh daemon stop', {
      cause: error,
    })
  }
}

function readBounded(file: string): Uint8Array {
  const found = lstatSync(resolve(file), { throwIfNoEntry: false })
  if (!found) throw new MeshError('not-found', `There is no file ${file}.`)
  if (found.size > MOST_BYTES) throw new MeshError('too-large', `${file} is larger than any backup.`)
  try {
    return readFileSync(resolve(file))
  } catch (cause) {
    throw new MeshError('forbidden', `${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, {
      cause,
    })
  }
}
