/**
 * The MCP server as a program of its own: Claude Code starts it directly, without the rest of the command line. Installed in the
 * user's settings (`--home=`), it speaks for the session whose process started it, and leaves a launched one to its own server.
 */
import manifest from '../../package.json' with { type: 'json' }
import { launchedHere } from '../launch/launched-here.ts'
import { serveMcp, serveNothing } from './serve.ts'

const home = process.argv.find(word => word.startsWith('--home='))?.slice('--home='.length)
if (home === undefined) await serveMcp(manifest.version)
else if ((await launchedHere(process.env)) !== undefined) await serveNothing(manifest.version)
else await serveMcp(manifest.version, { home, pid: process.ppid })
process.exit(0)
