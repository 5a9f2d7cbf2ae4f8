/** `up.json`: what an `up` must know of the one before it. No secret stands in it. */
import { MeshError } from '@claudemesh/protocol/errors'
import { z } from 'zod'
import { isAlive } from '../daemon/process-identity.ts'
import { readIfThere, writeSecretFile } from '../home/index.ts'

const processName = z.object({ pid: z.int().positive(), identity: z.string() })
const upState = z.object({
  /** Port and host under which the meshes of this broker know it. */
  port: z.int(),
  host: z.string().nullable(),
  /** The invite the last start made, to be revoked by the next one while nobody has used it. */
  invite: z.object({ mesh: z.string(), id: z.string() }).nullable(),
  /** There while an `up` is ready, and after one that was killed. */
  running: z
    .object({
      supervisor: processName,
      broker: z.string(),
      mesh: z.string(),
      home: z.string(),
      children: z.array(processName),
    })
    .nullable(),
})
export type UpState = z.output<typeof upState>

/** `undefined` before the first start. Throws `integrity` for a file that is none of ours. */
export function readState(file: string): UpState | undefined {
  const text = readIfThere(file)
  if (text === undefined) return undefined
  try {
    return upState.parse(JSON.parse(text))
  } catch (cause) {
    throw new MeshError(
      'integrity',
      `${file} is damaged. Remove it; if the broker had another port than 7900, name it with --port once.`,
      { cause },
    )
  }
}

export const writeState = (file: string, state: UpState): void =>
  writeSecretFile(file, `${JSON.stringify(state, null, 2)}\n`)

/** The `up` that is ready on this folder, if one is. */
export function runningUp(state: UpState | undefined): UpState['running'] {
  const running = state?.running ?? null
  return running !== null && isAlive(running.supervisor.pid, running.supervisor.identity) ? running : null
}
