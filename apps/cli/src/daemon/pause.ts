/** The pause of this machine: while it stands, nothing is handed to any session. A file says so, and outlives the daemon. */
import { rmSync } from 'node:fs'
import { readIfThere, writeSecretFile } from '../home/index.ts'

export class Pause {
  readonly #path: string
  #since: number | null

  constructor(path: string) {
    this.#path = path
    const held = Number(readIfThere(path)?.trim())
    this.#since = Number.isSafeInteger(held) && held > 0 ? held : null
  }

  /** ms since 1970; null while delivery goes on. */
  get since(): number | null {
    return this.#since
  }

  /** Pauses at `now` unless it is paused already. */
  begin(now: number): void {
    if (this.#since !== null) return
    writeSecretFile(this.#path, `${now}\n`)
    this.#since = now
  }

  end(): void {
    rmSync(this.#path, { force: true })
    this.#since = null
  }
}
