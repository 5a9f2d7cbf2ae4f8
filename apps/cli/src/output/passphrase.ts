/** A passphrase, from where no other process can read it: typed unseen, or out of a file. Never an argument, never the environment. */
import { readFileSync } from 'node:fs'
import { MeshError } from '@claudemesh/protocol/errors'
import type { Cli } from './cli.ts'

const FEWEST = 10

/** `file`: its first line, `-` being stdin. `twice`: asked again, since a slip would lock everybody out. Throws `usage`. */
export async function askPassphrase(
  cli: Cli,
  { file, twice }: { file: string | undefined; twice: boolean },
): Promise<string> {
  if (file !== undefined) return longEnough(firstLine(file), twice)
  if (!cli.interactive)
    throw new MeshError(
      'usage',
      'There is nobody to ask for the passphrase: give --passphrase-file <file>, or - for stdin.',
    )
  const { isCancel, password } = await import('@clack/prompts')
  const ask = async (message: string): Promise<string> => {
    const answer = await password({ message })
    if (isCancel(answer)) process.exit(130)
    return answer
  }
  const given = longEnough((await ask('Passphrase of the backup')).normalize('NFC'), twice)
  if (twice && (await ask('The same again')).normalize('NFC') !== given)
    throw new MeshError('usage', 'The two were not the same. Nothing was written.')
  return given
}

function firstLine(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
      .split(/\r?\n/, 1)[0]!
      .normalize('NFC')
  } catch (cause) {
    throw new MeshError('usage', `The passphrase cannot be read from ${file}.`, { cause })
  }
}

function longEnough(passphrase: string, isNew: boolean): string {
  if (passphrase === '') throw new MeshError('usage', 'The passphrase is empty.')
  if (isNew && [...passphrase].length < FEWEST)
    throw new MeshError(
      'usage',
      `The passphrase guards the keys of this home: ${FEWEST} characters at least, better a few words.`,
    )
  return passphrase
}
