import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fallenRatios, recordFigures } from '../src/record.ts'
import { type Case, machine } from '../src/report.ts'

const folder = mkdtempSync(join(tmpdir(), 'claudemesh-figures-'))
const file = join(folder, 'figures.json')
afterAll(() => rmSync(folder, { recursive: true }))

const durable = (ratio: number): Case[] => [
  { name: 'raw relay', unit: 'msg/s', value: 1000 },
  { name: 'durable', unit: 'msg/s', value: 1000 * ratio, ratioTo: 'raw relay', ratio },
]
const said = () => readFileSync(join(folder, 'README.md'), 'utf8')

test('parts are recorded beside each other, each as it last was, and drawn', () => {
  recordFigures(folder, { broker: durable(0.2) }, new Date(0), machine())
  recordFigures(folder, { other: durable(0.5) }, new Date(0), machine())
  recordFigures(folder, { broker: durable(0.3) }, new Date(86_400_000), machine())
  const { broker, other } = JSON.parse(readFileSync(file, 'utf8'))
  expect([broker.on, broker.cases[1].ratio]).toEqual(['1970-01-02', 0.3])
  expect([other.on, other.cases[1].ratio]).toEqual(['1970-01-01', 0.5])
  expect(said()).toContain('## broker\n\n1970-01-02')
  expect(said()).toContain('bar [1000, 300]')
})

test('a ratio that fell to less than a third is a regression; what is not recorded is none', () => {
  recordFigures(folder, { broker: durable(0.3), other: durable(0.3) }, new Date(0), machine())
  expect(fallenRatios(file, durable(0.11))).toEqual([])
  expect(fallenRatios(file, durable(0.09))).toEqual(['durable: 0.09 × raw relay, recorded 0.30'])
  expect(fallenRatios(file, [{ ...durable(0.01)[1]!, name: 'new' }])).toEqual([])
})
