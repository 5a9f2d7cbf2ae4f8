/** `mcp`: the mesh as tools for a model, on stdio. */
import type { Command } from 'commander'
import { serveMcp } from '../mcp/serve.ts'
import { act, define } from './define.ts'
import { VERSION } from './version.ts'

export function addMcp(program: Command): void {
  const command = define(program, {
    usage: 'mcp',
    about: 'serve the mesh tools on stdio; a launched session starts this by itself',
    examples: ['claude mcp add mesh -- claudemesh mcp'],
  })
  act(command, () => serveMcp(VERSION))
}
