/** Where one user's claudemesh lives on this machine, and the only ways its files are made and read. */
export { readDaemonFile, removeDaemonFile, writeDaemonFile } from './daemon-file.ts'
export { fullDisk } from './full-disk.ts'
export { looseFiles } from './loose-files.ts'
export {
  listMemberFiles,
  type MemberFile,
  memberFile,
  readMemberFile,
  removeMemberFiles,
  writeMemberFile,
} from './member-file.ts'
export { currentHome, type HomePaths, homePaths } from './paths.ts'
export { ensurePrivateFolder } from './private-folder.ts'
export { readIfThere } from './read-if-there.ts'
export { syncFolder, writeNewFile, writeSecretFile } from './secret-file.ts'
export { readSecretJson } from './secret-json.ts'
export { listSessionKeys, moveSessionKey, openSessionKey, writeSessionKey } from './session-key.ts'
export { openToken, openUserToken } from './token.ts'
