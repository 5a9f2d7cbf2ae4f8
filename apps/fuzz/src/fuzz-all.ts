/** All targets one after the other, each with its share of the inputs and dice of its own. */
import { readCorpus } from './corpus.ts'
import { fuzz, type Result } from './run.ts'
import { TARGETS } from './targets/index.ts'

export interface FuzzPlan {
  /** Of all targets together, shared by their weights. */
  readonly inputs: number
  readonly seed: number
  /** Names of targets; all where nothing is said. */
  readonly only?: readonly string[] | undefined
}

/** Runs the targets. Throws for a name that is none of them. */
export async function* fuzzAll({
  inputs,
  seed,
  only,
}: FuzzPlan): AsyncGenerator<{ target: string; result: Result & { perSecond: number } }> {
  for (const name of only ?? [])
    if (!TARGETS.some(target => target.name === name))
      throw new Error(`no target ${name}: ${TARGETS.map(target => target.name).join(', ')}`)
  const meant = TARGETS.filter(({ name }) => only?.includes(name) ?? true)
  const weights = meant.reduce((sum, { weight = 1 }) => sum + weight, 0)
  for (const [place, target] of meant.entries()) {
    const corpus = readCorpus(target.name)
    const share = Math.max(corpus.length, Math.ceil((inputs * (target.weight ?? 1)) / weights))
    const stop = await target.start?.()
    try {
      const began = performance.now()
      const result = await fuzz(target, { inputs: share, seed: seed + place, corpus })
      yield {
        target: target.name,
        result: { ...result, perSecond: (result.inputs * 1000) / (performance.now() - began) },
      }
    } finally {
      await stop?.()
    }
  }
}
