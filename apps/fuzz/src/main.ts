/** `pnpm fuzz`: every reader of something from outside is fed what nobody sends on purpose. Exit code 1 where one of them breaks. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { corpusFolder, keepInput } from './corpus.ts'
import { fuzzAll } from './fuzz-all.ts'

/** What stands in the repository is small. */
const MOST_KEPT_BYTES = 1024

const { values } = parseArgs({
  options: {
    /** Of all targets together. */
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() & 0x7fff_ffff) },
    only: { type: 'string' },
    /** Writes small inputs that showed something new into the corpus. */
    keep: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
console.log(`seed ${seed}`)
let findings = 0
for await (const { target, result } of fuzzAll({
  inputs: Number(values.inputs),
  seed,
  only: values.only?.split(','),
})) {
  const { inputs, read, answers, perSecond } = result
  console.log(
    `${target.padEnd(18)} ${inputs.toLocaleString('en').padStart(10)} inputs, ${read.toLocaleString('en')} read, ${answers} answers, ${Math.round(perSecond).toLocaleString('en')}/s`,
  )
  for (const { kind, message, input } of result.findings) {
    findings++
    const where =
      input === undefined ? '' : ` ${keepInput(join(tmpdir(), 'claudemesh-findings', target), input)}`
    console.error(`${target}: ${kind}${where}\n${message}`)
  }
  if (values.keep)
    for (const input of result.fresh)
      if (input.length <= MOST_KEPT_BYTES) keepInput(corpusFolder(target), input)
}
process.exit(findings > 0 ? 1 : 0)
