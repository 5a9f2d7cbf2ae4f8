/** Everything known about Claude Code's own formats, measured on the versions under `fixtures/`, and nothing else. */
export { jobsWithFlag } from './background-jobs.ts'
export { claudeConfigDir, configDirOfTranscript } from './config-dir.ts'
export { findTranscript, newestSessionOf } from './find-transcript.ts'
export { carriesContext, contextOutput, type HookPayload, hookPayload, isKnownHook } from './hooks.ts'
export { claudeVersion, HOW_TO_INSTALL, locateClaude } from './locate.ts'
export { type PushPriority, pushText, SOCKET_LIMITS } from './messaging-socket.ts'
export { pluginFiles, TOOL_RULE } from './plugin-files.ts'
export {
  findRunning,
  nameByUser,
  newestOf,
  type OnUnknown,
  type RunningSession,
  runningSessions,
  SessionsFolder,
} from './sessions-file.ts'
export {
  type ClaudeSettings,
  hooksInstalled,
  INSTALLED,
  type InstalledPrograms,
  readSettings,
  withHooks,
  withoutHooks,
} from './settings-file.ts'
export { SETTINGS_SCOPES, type SettingsScope, settingsFile } from './settings-place.ts'
export { type Command, shellCommand } from './shell-command.ts'
export { startedChildSince } from './tool-process.ts'
export {
  cursorAtEnd,
  cursorAtStart,
  readSurfaced,
  type TranscriptCursor,
} from './transcript.ts'
export { type TranscriptStatus, transcriptStatus } from './transcript-status.ts'
export { type McpScope, mcpServer, setMcpServer } from './user-config.ts'
