/** Makes a valid wire value of any schema of this package, so that tests of frames are tables made from the schemas. */
import { z } from 'zod'

const UUID = '00000000-0000-7000-8000-000000000000'

/** JSON that `schema` decodes. Optional fields are filled in; lists hold their fewest elements, but at least one. */
export function sampleOf(schema: z.core.$ZodType): unknown {
  if (schema instanceof z.ZodLiteral) return [...schema.values][0]
  if (schema instanceof z.ZodEnum) return schema.options[0]
  if (schema instanceof z.ZodNull) return null
  if (schema instanceof z.ZodBoolean) return true
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return sampleOf(schema.unwrap())
  if (schema instanceof z.ZodPipe) return sampleOf(schema.def.in)
  if (schema instanceof z.ZodString) return sampleText(schema)
  if (schema instanceof z.ZodNumber)
    return Math.max(0, Number.isFinite(schema.minValue ?? 0) ? (schema.minValue ?? 0) : 0)
  if (schema instanceof z.ZodArray)
    return Array.from({ length: fewest(schema) }, () => sampleOf(schema.element))
  if (schema instanceof z.ZodTuple) return schema.def.items.map(sampleOf)
  if (schema instanceof z.ZodDiscriminatedUnion) return sampleOf(schema.options[0]!)
  if (schema instanceof z.ZodRecord) return { any: 1 }
  if (schema instanceof z.ZodObject)
    return Object.fromEntries(Object.entries(schema.shape).map(([name, field]) => [name, sampleOf(field)]))
  throw new Error(`no sample for ${schema._zod.def.type}`)
}

function fewest(schema: z.ZodArray): number {
  for (const check of schema.def.checks ?? []) {
    const def = check._zod.def as { check: string; minimum?: number; length?: number }
    if (def.check === 'length_equals') return def.length ?? 1
  }
  return 1
}

function sampleText(schema: z.ZodString): string {
  for (const check of schema.def.checks ?? []) {
    const def = check._zod.def as { check: string; length?: number }
    if (def.check === 'length_equals') return 'A'.repeat(def.length ?? 0)
  }
  if (schema.safeParse(UUID).success && !schema.safeParse('A').success) return UUID
  if (schema.safeParse('localhost:1').success && !schema.safeParse('A').success) return 'localhost:1'
  return 'A'.repeat(schema.maxLength ?? 4)
}
