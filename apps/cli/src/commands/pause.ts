/** `pause` and `resume`: no message reaches a session of this machine in between; all wait. */
import type { Command } from 'commander'
import { pauseReply } from '../api/schema.ts'
import { relative } from '../output/times.ts'
import { act, define } from './define.ts'

export function addPause(program: Command): void {
  act(
    define(program, {
      usage: 'pause',
      about: 'hold all messages to the sessions of this machine; senders are told',
      examples: ['claudemesh pause'],
    }),
    async cli => {
      const now = await cli.ask('pause', pauseReply, { body: { paused: true } })
      if (cli.json) return cli.object(now)
      cli.line(
        `Paused ${relative(now.pausedSince ?? 0, Date.now())}. Mail is kept; go on with: claudemesh resume`,
      )
    },
  )
  act(
    define(program, {
      usage: 'resume',
      about: 'hand over what was held, loops of two agents too, and all that comes',
      examples: ['claudemesh resume'],
    }),
    async cli => {
      const now = await cli.ask('pause', pauseReply, { body: { paused: false } })
      if (cli.json) return cli.object(now)
      cli.line('Messages go to the sessions again')
    },
  )
}
