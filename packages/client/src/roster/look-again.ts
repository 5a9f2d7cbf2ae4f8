/** What is named may stand in an entry that is still on its way here: nobody is told that it does not exist before the broker was asked. */
import { MeshError } from '@claudemesh/protocol'

/** `find`, and once more after `look` where it throws `not-found`. Throws what `find` does, also where `look` fails. */
export async function lookAgain<T>(find: () => T | Promise<T>, look: () => Promise<unknown>): Promise<T> {
  try {
    return await find()
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'not-found') throw error
    try {
      await look()
    } catch {
      throw error
    }
    return find()
  }
}
