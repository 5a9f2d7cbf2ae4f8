/** A part that `up` keeps going: started, started again when it ends by itself, stopped for good when told. */

/** One life of it. */
export interface Life {
  /** Resolves when it has ended, with how (`SIGKILL`, `exit 1`). */
  readonly ended: Promise<string>
  /** Resolves when it is gone. */
  stop(): Promise<void>
  /** At once, without care. */
  kill(): void
}

export interface Part {
  stop(): Promise<void>
  kill(): void
}

const FIRST_DELAY_MS = 250
const LAST_DELAY_MS = 10_000
/** Who has lived this long has not failed at starting. */
const STEADY_MS = 30_000

/** Starts it; throws what the first start throws. Later ends are told to `note` and mended, with growing waits. */
export async function keep(
  name: string,
  start: () => Promise<Life>,
  note: (line: string) => void,
): Promise<Part> {
  let life: Life | undefined = await start()
  let stopping = false
  const over = (async () => {
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LAST_DELAY_MS)) {
      const since = Date.now()
      const how = life === undefined ? 'not started' : await life.ended
      if (stopping) return
      life = undefined
      if (Date.now() - since > STEADY_MS) delay = FIRST_DELAY_MS
      note(`${name} ended (${how}); starting it again`)
      await Bun.sleep(delay)
      if (stopping) return
      life = await start().catch(error => {
        note(`${name} does not start: ${error instanceof Error ? error.message : String(error)}`)
        return undefined
      })
      // Told to stop while it was starting.
      if (stopping) return life?.stop()
    }
  })()
  return {
    stop: async () => {
      stopping = true
      await life?.stop()
      await over
    },
    kill: () => {
      stopping = true
      life?.kill()
    },
  }
}
