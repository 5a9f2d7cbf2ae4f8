/** Everything that is fuzzed. */
import type { Target } from '../target.ts'
import {
  hookPayloads,
  peerTexts,
  sessionsFiles,
  settingsFiles,
  transcriptRecords,
  transcripts,
} from './claude.ts'
import { brokerFrames, clientFrames, dataFrames } from './frames.ts'
import { httpRequests, strangerFrames } from './sockets.ts'
import { auditExports, auditLines, checkpoints, inviteLinks, rosters } from './trust.ts'

export const TARGETS: readonly Target[] = [
  clientFrames,
  brokerFrames,
  dataFrames,
  rosters,
  inviteLinks,
  checkpoints,
  auditExports,
  auditLines,
  transcripts,
  transcriptRecords,
  sessionsFiles,
  hookPayloads,
  settingsFiles,
  peerTexts,
  httpRequests,
  strangerFrames,
]
