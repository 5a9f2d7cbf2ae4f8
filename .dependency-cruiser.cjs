/** Direction of imports (docs/architecture.md): apps → client, claude, db → crypto → protocol; no cycles; a package is entered by its index alone. */
const pkg = name => `^(packages|apps)/${name}/`
const src = name => `${pkg(name)}src/`
const deny = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

module.exports = {
  forbidden: [
    deny('no-cycles', 'A cycle has no first file to read.', {}, { circular: true }),
    deny(
      'protocol-stands-alone',
      'protocol imports nothing of ours.',
      { path: src('protocol') },
      { path: '^(packages|apps)/(?!protocol/)' },
    ),
    deny(
      'crypto-on-protocol',
      'crypto imports protocol alone.',
      { path: src('crypto') },
      { path: '^(packages|apps)/(?!crypto/|protocol/)' },
    ),
    deny(
      'db-on-protocol',
      'db imports protocol alone.',
      { path: src('db') },
      { path: '^(packages|apps)/(?!db/|protocol/)' },
    ),
    deny(
      'client-on-crypto',
      'client imports crypto and protocol.',
      { path: src('client') },
      { path: '^(packages|apps)/(?!client/|crypto/|protocol/)' },
    ),
    deny(
      'claude-stands-alone',
      'claude imports protocol at most.',
      { path: src('claude') },
      { path: '^(packages|apps)/(?!claude/|protocol/)' },
    ),
    deny(
      'broker-is-blind',
      'The broker never reaches the sealing half, a client or Claude.',
      { path: src('broker') },
      { path: '^(packages/(crypto/src/sealing|claude|client|testkit)/|apps/(?!broker/))' },
    ),
    deny(
      'testkit-for-tests',
      'The testkit is reached by tests, the bench, the fuzzer and the chaos alone.',
      { path: '^(packages/(?!testkit/)|apps/(?!bench/|chaos/|fuzz/))[^/]+/src', pathNot: '\\.test\\.ts$' },
      { path: pkg('testkit') },
    ),
    deny(
      'simulation-on-top',
      'Nothing stands on the simulation but the chaos, which is judged by its checker.',
      { path: '^(packages|apps)/(?!simulation/|chaos/)' },
      { path: pkg('simulation') },
    ),
    deny(
      'by-the-front-door',
      'A package is entered by its index.',
      { path: '^((?:packages|apps)/[^/]+)/' },
      {
        path: '^(packages|apps)/[^/]+/src/',
        pathNot: [
          '^$1/',
          '^(packages|apps)/[^/]+/src/index\\.ts$',
          '^packages/crypto/src/sealing/index\\.ts$',
          '^packages/protocol/src/(errors|parse-as)\\.ts$',
          '^packages/claude/src/start\\.ts$',
        ],
      },
    ),
    deny('resolvable', 'Every import resolves.', {}, { couldNotResolve: true, pathNot: '^bun(:|$)' }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist|vectors|fixtures|migrations)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'bun', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
}
