/** Plans looks at sessions: one at a time each, the earliest asked for. */
export interface Looks {
  /** Looks after `ms` at the latest. */
  in(uuid: string, ms: number): void
  noMore(uuid: string): void
}

/** `look` answers after how many ms to look again, given how long it was this time; `undefined`: not again by itself. */
export function planLooks(
  now: () => number,
  look: (uuid: string, ms: number) => Promise<number | undefined>,
): Looks {
  const planned = new Map<string, { timer: ReturnType<typeof setTimeout>; due: number }>()
  const looks: Looks = {
    in(uuid, ms) {
      const due = now() + ms
      const before = planned.get(uuid)
      if (before !== undefined && before.due <= due) return
      clearTimeout(before?.timer)
      const timer = setTimeout(async () => {
        planned.delete(uuid)
        const again = await look(uuid, ms)
        if (again !== undefined) looks.in(uuid, again)
      }, ms)
      planned.set(uuid, { timer, due })
    },
    noMore(uuid) {
      clearTimeout(planned.get(uuid)?.timer)
      planned.delete(uuid)
    },
  }
  return looks
}
