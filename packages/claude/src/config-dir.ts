/** Where Claude Code keeps its own files: `CLAUDE_CONFIG_DIR`, else `~/.claude`. */
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Folder of sessions files, transcripts and settings. */
export const claudeConfigDir = (env: Readonly<Record<string, string | undefined>>): string =>
  env.CLAUDE_CONFIG_DIR || join(env.HOME || homedir(), '.claude')

/** The config folder a hook's `transcript_path` (`<config>/projects/<slug>/<uuid>.jsonl`) lies in, if it looks like one. */
export function configDirOfTranscript(path: string): string | undefined {
  const projects = dirname(dirname(path))
  return basename(projects) === 'projects' ? dirname(projects) : undefined
}
