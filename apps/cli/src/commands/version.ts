/** `version`: what runs here. */
import type { Command } from 'commander'
import { VERSION } from '../version.ts'
import { act, define } from './define.ts'

export { VERSION }

export function addVersion(program: Command): void {
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
