/** What is known before a client runs: the part of this package that loads no schemas, so that `launch` is quick. */
export { claudeConfigDir } from './config-dir.ts'
export { newestSessionOf } from './find-transcript.ts'
export { HOW_TO_INSTALL, locateClaude } from './locate.ts'
