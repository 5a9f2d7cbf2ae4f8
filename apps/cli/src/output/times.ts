/** Times as people say them: how long ago, until when. Times are ms since 1970, durations ms. */

const STEPS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
] as const

/** `3m ago`, `in 24h`, `now`; `never` for 0. */
export function relative(at: number, now: number): string {
  if (at === 0) return 'never'
  const distance = Math.abs(now - at)
  const step = STEPS.find(([size]) => distance >= size)
  if (step === undefined) return 'now'
  const said = `${Math.round(distance / step[0])}${step[1]}`
  return at > now ? `in ${said}` : `${said} ago`
}

/** Local date and time to the second: `2026-03-01 14:05:09`. */
export function clock(at: number): string {
  const date = new Date(at - new Date(at).getTimezoneOffset() * 60_000)
  return date.toISOString().slice(0, 19).replace('T', ' ')
}

/** `7d`, `36h`, `90s`: the largest unit that says it whole; seconds at the least. */
export function span(ms: number): string {
  const [size, unit] = STEPS.find(([each]) => ms >= each && ms % each === 0) ?? [1000, 's']
  return `${Math.round(ms / size)}${unit}`
}
