/** A second thread for the key agreements of a crowd: a first word to hundreds costs little else. It lives as long as there is work. */
import type { createOpener } from '@claudemesh/crypto/sealing'

export type AgreementTask = readonly Parameters<typeof createOpener>[0][]
/** `null` where the bundle is no key. */
export type Agreed = readonly (ReturnType<typeof createOpener> | null)[]

/** The thread's first word: tasks are heard from now on. */
export const READY = 'ready'

export class AgreementThread {
  #worker: Worker | undefined
  /** Resolves to one that hears, never where it does not come up. */
  #ready: Promise<Worker> | undefined
  #answer: ((agreed: Agreed | undefined) => void) | undefined

  /** One task at a time. Resolves to `undefined` where the thread is of no use, or has one: whoever asks does it itself. */
  agree(task: AgreementTask): Promise<Agreed | undefined> {
    if (this.#answer) return Promise.resolve(undefined)
    return new Promise(resolve => {
      this.#answer = resolve
      try {
        this.#ready ??= this.#start()
        void this.#ready.then(worker => worker.postMessage(task))
      } catch {
        this.end()
      }
    })
  }

  end(): void {
    this.#worker?.terminate()
    this.#worker = undefined
    this.#ready = undefined
    this.#tell(undefined)
  }

  #start(): Promise<Worker> {
    const worker = new Worker(new URL('./agreement-worker.ts', import.meta.url))
    this.#worker = worker
    worker.onerror = () => {
      if (this.#worker === worker) this.end()
    }
    return new Promise(resolve => {
      worker.onmessage = ({ data }: MessageEvent<Agreed | typeof READY>) => {
        if (data === READY) resolve(worker)
        else if (this.#worker === worker) this.#tell(data)
      }
    })
  }

  #tell(agreed: Agreed | undefined): void {
    const tell = this.#answer
    this.#answer = undefined
    tell?.(agreed)
  }
}
