/** The Dockerfile as its instructions: every one of ours stands on one line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../../..')

const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
const instructions = text
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => /^(\w+) (.*)$/.exec(line)!)
  .map(([, name, rest]) => ({ name: name!, rest: rest! }))
const all = (name: string) => instructions.filter(one => one.name === name).map(one => one.rest)

export const dockerfile = {
  text,
  instructions,
  /** The last instruction of this name: the one that counts in the image. */
  last: (name: string): string => all(name).at(-1) ?? '',
  runs: (): string[] => all('RUN'),
  command: (): string[] => JSON.parse(all('CMD').at(-1)!) as string[],
  health: (): string => all('HEALTHCHECK').at(-1)!,
  environment: (): Record<string, string> =>
    Object.fromEntries(
      all('ENV').flatMap(line => line.split(' ').map(pair => pair.split('=') as [string, string])),
    ),
}
