import { defineConfig } from 'vitest/config'

const report = process.env.CLAUDEMESH_TEST_REPORT

/** One run for the whole workspace; a package's own `test` script uses it with `--root .`. Long suites have their own command. */
const long = process.env.CLAUDEMESH_TEST_LONG === '1'
const files = long ? ['**/{src,test}/**/*.long.test.ts'] : ['**/{src,test}/**/*.test.ts']
const besides = ['**/node_modules/**', ...(long ? [] : ['**/*.long.test.ts'])]
/** Tests with the real client: it takes a core by itself, and what it shows on a terminal is waited for. */
const REAL_CLIENT = ['**/cli/test/claude/**', '**/test/claude/**']

const common = {
  pool: 'threads',
  globalSetup: [`${import.meta.dirname}/packages/testkit/src/vitest-setup.ts`],
  // Events are waited for, however slow the machine is.
  expect: { poll: { timeout: 20_000 } },
  testTimeout: long ? 3_600_000 : 180_000,
  hookTimeout: 240_000,
} as const

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'parts',
          include: files,
          exclude: [...besides, ...REAL_CLIENT],
          maxWorkers: long ? 1 : 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: 'claude',
          include: REAL_CLIENT.flatMap(folder => files.map(file => file.replace('**/{src,test}/**', folder))),
          exclude: besides,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    ...(report ? { reporters: ['default', 'json'], outputFile: { json: report } } : {}),
  },
})
