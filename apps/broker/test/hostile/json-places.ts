/** Every place in a JSON value, and the value with one place changed. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
export type Place = readonly (string | number)[]

/** All places below the root; of a list its first element stands for all. */
export function placesOf(value: Json, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const inner: (string | number)[] = Array.isArray(value) ? (value.length > 0 ? [0] : []) : Object.keys(value)
  return inner.flatMap(step => [[...at, step], ...placesOf(valueAt(value, [step]), [...at, step])])
}

export const valueAt = (value: Json, place: Place): Json =>
  place.reduce<Json>((inner, step) => (inner as Record<string | number, Json>)[step] as Json, value)

/** A copy with another value at the place; `undefined` takes the place away. */
export function changed(value: Json, place: Place, to: Json | undefined): Json {
  const copy = structuredClone(value)
  const last = place.at(-1)!
  const holder = valueAt(copy, place.slice(0, -1)) as Record<string | number, Json>
  if (to !== undefined)
    Object.defineProperty(holder, last, { value: to, enumerable: true, writable: true, configurable: true })
  else if (Array.isArray(holder)) holder.splice(Number(last), 1)
  else delete holder[last]
  return copy
}

/** `entry.body.hosts[0]`, as errors name it. */
export const placeName = (place: Place): string =>
  place.reduce<string>(
    (name, step) => (typeof step === 'number' ? `${name}[${step}]` : name === '' ? step : `${name}.${step}`),
    '',
  )
