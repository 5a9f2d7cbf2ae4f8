/** Where the transcripts of Claude Code lie: `<config>/projects/<slug of the directory>/<session id>.jsonl` (2.1.329). */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Folder of a working directory's transcripts; `undefined` beyond 200 characters, where the client cuts and hashes. */
function transcriptFolder(configDir: string, cwd: string): string | undefined {
  const slug = realpathSync(cwd).replace(/[^A-Za-z0-9]/g, '-')
  return slug.length > 200 ? undefined : join(configDir, 'projects', slug)
}

/** Path of a session's transcript, wherever its directory was, or `undefined` before its first prompt. */
export function findTranscript(configDir: string, sessionId: string): string | undefined {
  const projects = join(configDir, 'projects')
  const folders = namesIn(projects)
  return folders.map(folder => join(projects, folder, `${sessionId}.jsonl`)).find(path => existsSync(path))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const TRANSCRIPT = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl$/

/** Session id of the newest transcript of this directory (what `claude --continue` takes), or `undefined`. */
export function newestSessionOf(configDir: string, cwd: string): string | undefined {
  const folder = transcriptFolder(configDir, cwd)
  if (folder === undefined) return undefined
  const transcripts = namesIn(folder).flatMap(name => {
    const id = TRANSCRIPT.exec(name)?.[1]
    return id === undefined ? [] : [{ id, at: statSync(join(folder, name)).mtimeMs }]
  })
  return transcripts.sort((a, b) => b.at - a.at)[0]?.id
}
