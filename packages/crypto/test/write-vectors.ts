/** Writes the vector files anew; run it only when the protocol itself changed: `bun test/write-vectors.ts`. */
import { writeFileSync } from 'node:fs'
import { hexJson } from './hex.ts'
import { makeVectors } from './make-vectors.ts'

for (const [domain, vector] of Object.entries(makeVectors())) {
  writeFileSync(new URL(`./vectors/${domain}.json`, import.meta.url), `${hexJson(vector, 1)}\n`)
}
