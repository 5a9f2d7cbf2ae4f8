/** The MCP server as a program of its own: a launched session starts it directly, without the rest of the command line. */
import manifest from '../../package.json' with { type: 'json' }
import { serveMcp } from './serve.ts'

await serveMcp(manifest.version)
process.exit(0)
