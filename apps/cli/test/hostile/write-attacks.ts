/** Writes docs/attacks.md from the table of attacks. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { attackTable } from './attacks/all.ts'

writeFileSync(fileURLToPath(new URL('../../../../docs/attacks.md', import.meta.url)), attackTable())
