/** Waiting for what must happen: looked at whenever anything has, and now and then for what nobody tells. */

/** Told of everything that happens on any stage. */
export interface Watch {
  changed(): void
  /** Resolves when `holds` does; rejects after 30 s, saying what never came. */
  until(what: string, holds: () => boolean): Promise<void>
}

/** A look at whatever `changed` was called for, after it has come to rest. */
export function makeWatch(): Watch {
  const looks = new Set<() => void>()
  let due = false
  return {
    changed() {
      if (due) return
      due = true
      setImmediate(() => {
        due = false
        for (const look of [...looks]) look()
      })
    },
    until: (what, holds) =>
      new Promise((resolve, reject) => {
        const end = (done: () => void) => {
          looks.delete(look)
          clearTimeout(late)
          clearInterval(untold)
          done()
        }
        const look = () => {
          if (holds()) end(resolve)
        }
        const late = setTimeout(() => end(() => reject(new Error(`never came: ${what}`))), 30_000)
        const untold = setInterval(look, 50)
        looks.add(look)
        look()
      }),
  }
}
