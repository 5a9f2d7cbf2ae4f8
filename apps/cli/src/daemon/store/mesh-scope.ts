/** Which mesh of the store's file is meant. */
import type { StoreFile } from './store-file.ts'

export interface MeshScope {
  readonly orm: StoreFile['orm']
  /** `mesh.row`. */
  readonly mesh: number
  /** `undone` of the file. */
  readonly undone: () => number
  /** Of the file; names are of all its meshes. */
  readonly late: StoreFile['late']
}
