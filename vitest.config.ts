import { defineConfig } from 'vitest/config'

const report = process.env.CLAUDEMESH_TEST_REPORT

/** One run for the whole workspace; a package's own `test` script uses it with `--root .`. Long suites have their own command. */
const long = process.env.CLAUDEMESH_TEST_LONG === '1'

export default defineConfig({
  test: {
    pool: 'threads',
    globalSetup: [`${import.meta.dirname}/packages/testkit/src/vitest-setup.ts`],
    include: long ? ['**/{src,test}/**/*.long.test.ts'] : ['**/{src,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(long ? [] : ['**/*.long.test.ts'])],
    // Events are waited for, however slow the machine is.
    expect: { poll: { timeout: 20_000 } },
    testTimeout: long ? 3_600_000 : 180_000,
    ...(report ? { reporters: ['default', 'json'], outputFile: { json: report } } : {}),
    hookTimeout: 240_000,
  },
})
