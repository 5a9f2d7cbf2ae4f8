/** `version`: what runs here. */
import type { Command } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { act, define } from './define.ts'

export const VERSION: string = manifest.version

export function addVersion(program: Command): void {
  program.version(VERSION, '-v, --version', 'the version alone')
  act(
    define(program, { usage: 'version', about: 'what runs here', examples: ['claudemesh version --json'] }),
    async cli => {
      if (cli.json)
        return cli.object({
          version: VERSION,
          bun: Bun.version,
          platform: process.platform,
          arch: process.arch,
        })
      cli.line(`claudemesh ${VERSION} (Bun ${Bun.version}, ${process.platform}-${process.arch})`)
    },
  )
}
