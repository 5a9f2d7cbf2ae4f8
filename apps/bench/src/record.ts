/** Figures that stay: what each part of the bench gave when it was last recorded, as JSON and as a page of plots. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Case, type Report, table } from './report.ts'

interface Part {
  /** Day of the run, ISO 8601. */
  readonly on: string
  readonly machine: Report['machine']
  readonly cases: readonly Case[]
}
type Figures = Record<string, Part>

/** A short run on a machine that others load gives ratios this much lower than a full one on a quiet one. */
const NOISE = 3

const read = (file: string): Figures => JSON.parse(readFileSync(file, 'utf8'))

/** Puts the parts of this run into `figures.json` of `folder`, beside those of other runs, and draws its `README.md` anew. */
export function recordFigures(
  folder: string,
  parts: Record<string, readonly Case[]>,
  on: Date,
  machine: Report['machine'],
): void {
  const file = join(folder, 'figures.json')
  const figures = existsSync(file) ? read(file) : {}
  for (const [name, cases] of Object.entries(parts))
    figures[name] = { on: on.toISOString().slice(0, 10), machine, cases }
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`)
  writeFileSync(join(folder, 'README.md'), page(figures))
}

/** Each ratio of speeds that is less than a third of the recorded one, in words; none is a run without a regression beyond noise. */
export function fallenRatios(file: string, cases: readonly Case[]): string[] {
  const recorded = Object.values(read(file)).flatMap(part => part.cases)
  return cases.flatMap(({ name, unit, ratioTo, ratio }) => {
    const before = recorded.find(other => other.name === name && other.ratioTo === ratioTo)?.ratio
    if (unit !== 'msg/s' || ratio === undefined || before === undefined || ratio >= before / NOISE) return []
    return [`${name}: ${ratio.toFixed(2)} × ${ratioTo}, recorded ${before.toFixed(2)}`]
  })
}

function page(figures: Figures): string {
  const parts = Object.entries(figures).map(([name, { on, machine, cases }]) => {
    const { cpu, cores, memoryGiB, bun } = machine
    const where = `${on}, ${cores} cores (${cpu}), ${memoryGiB} GiB, Bun ${bun}`
    return [`## ${name}`, where, ...plots(cases), `\`\`\`\n${table(cases)}\n\`\`\``].join('\n\n')
  })
  return `${['# Recorded figures', INTRO, ...parts].join('\n\n')}\n`
}

const INTRO = `Written by \`npx -y pnpm@12 bench --only PART --record docs/benchmarks\`; what stands behind each figure, and in which hours of the
machine it was taken, is told in [benchmarks.md](../benchmarks.md). \`figures.json\` holds the same for machines.`

/** One bar chart for each unit that has several figures, in the language GitHub draws. */
function plots(cases: readonly Case[]): string[] {
  const units = [...new Set(cases.map(({ unit }) => unit))]
  return units.flatMap(unit => {
    const bars = [
      ...new Map(cases.filter(each => each.unit === unit).map(each => [each.name, each])).values(),
    ]
    if (bars.length < 2) return []
    const names = bars.map(({ name }) => JSON.stringify(name.replaceAll('"', '')))
    const values = bars.map(({ value }) => Number(value.toPrecision(4)))
    return [
      [
        '```mermaid',
        'xychart-beta horizontal',
        `  title "${unit}"`,
        `  x-axis [${names.join(', ')}]`,
        `  y-axis "${unit}" 0 --> ${Math.ceil(Math.max(...values))}`,
        `  bar [${values.join(', ')}]`,
        '```',
      ].join('\n'),
    ]
  })
}
