/** What is known before a client runs: the part of this package that loads no schemas, so that `launch` is quick. */
export { jobsWithFlag } from './background-jobs.ts'
export { claudeConfigDir } from './config-dir.ts'
export { newestSessionOf } from './find-transcript.ts'
export { HOW_TO_INSTALL, locateClaude } from './locate.ts'
export { pluginFiles, TOOL_RULE } from './plugin-files.ts'
export { type BareSettings, bareSettings, SETTINGS_SCOPES, settingsFile } from './settings-place.ts'
export { type Command, shellCommand } from './shell-command.ts'
