/** The MCP server as a program of its own: a launched session starts it directly, without the rest of the command line. */
import { version } from '../../package.json' with { type: 'json' }
import { serveMcp } from './serve.ts'

await serveMcp(version)
process.exit(0)
