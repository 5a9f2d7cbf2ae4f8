/** The arguments a launched `claude` gets. */
import { TOOL_RULE } from '@claudemesh/claude/start'
import type { Conversation } from './conversation.ts'

/** A session without a terminal: it reads turns from its stdin and from the mesh, and tells what it does as JSON lines. */
const HEADLESS = ['-p', '--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose']

/** All arguments of `claude`; with `acceptTools` it asks no permission for the mesh tools. */
export function claudeArguments(
  conversation: Conversation,
  pluginDir: string,
  extra: readonly string[],
  { acceptTools, headless }: { acceptTools: boolean; headless: boolean },
): string[] {
  return [
    ...(headless ? HEADLESS : []),
    conversation.resumed ? '--resume' : '--session-id',
    conversation.uuid,
    ...(conversation.copyOf === undefined ? [] : ['--resume', conversation.copyOf]),
    '--plugin-dir',
    pluginDir,
    ...(acceptTools ? [`--allowedTools=${TOOL_RULE}`] : []),
    ...extra,
  ]
}
