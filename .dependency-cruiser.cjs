/**
 * Who may import whom. `health` never meets `balancing`: health writes through the registry, balancing reads its
 * snapshot. The worker table is where they meet.
 */
const LEAVES = ['template', 'credentials', 'upstream', 'telemetry', 'config', 'input'];

/** Folder → the folders it may import, besides itself and the leaves. */
const ARROWS = {
  // Entity classes only, of all but embedded-postgres; a rule below sees to that.
  database: ['access', 'registry', 'replicas', 'jobs', 'usage', 'embedded-postgres'],
  access: ['database'],
  console: [],
  'embedded-postgres': [],
  registry: ['access', 'database'],
  usage: ['access', 'registry', 'database'],
  health: ['access', 'registry', 'replicas', 'database'],
  replicas: ['registry', 'database'],
  balancing: ['registry', 'replicas'],
  waking: ['registry', 'replicas', 'database'],
  // Of balancing only error classes; a rule below sees to that.
  jobs: ['access', 'registry', 'replicas', 'database', 'balancing', 'usage'],
  inference: ['access', 'balancing', 'jobs', 'registry', 'usage'],
  overview: ['access', 'balancing', 'database', 'health', 'inference', 'registry', 'replicas', 'usage'],
  // Error classes only; a rule below sees to that.
  errors: [
    'access',
    'balancing',
    'credentials',
    'database',
    'inference',
    'jobs',
    'overview',
    'registry',
    'replicas',
    'template',
    'upstream',
  ],
};

const folder = (names) => `^src/(${names.join('|')})/`;

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...Object.entries(ARROWS).map(([name, may]) => ({
      name: `${name}-imports-only-what-it-may`,
      severity: 'error',
      from: { path: `^src/${name}/`, pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/', pathNot: folder([name, ...may, ...LEAVES]) },
    })),
    ...LEAVES.map((name) => ({
      name: `${name}-is-a-leaf`,
      severity: 'error',
      from: { path: `^src/${name}/`, pathNot: '\\.(spec|module)\\.ts$' },
      // All may use settings slices, the faults of input and the vocabulary of error types.
      to: { path: '^src/', pathNot: [folder([name, 'config', 'input']), '^src/telemetry/error-type\\.ts$'] },
    })),
    {
      name: 'database-knows-entities-only',
      severity: 'error',
      from: { path: '^src/database/' },
      to: { path: '^src/(access|registry|replicas|jobs|usage)/', pathNot: '\\.entity\\.ts$' },
    },
    {
      name: 'errors-import-error-classes-only',
      severity: 'error',
      from: { path: '^src/errors/' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/errors/',
          '^src/telemetry/error-type\\.ts$',
          '-errors?\\.ts$',
          '^src/inference/chat/parse-chat\\.ts$',
          '^src/upstream/failure\\.ts$',
        ],
      },
    },
    {
      name: 'jobs-know-errors-of-balancing-only',
      severity: 'error',
      from: { path: '^src/jobs/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/balancing/', pathNot: '-errors\\.ts$' },
    },
    {
      name: 'cli-is-a-client-of-the-api-alone',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/cli/' },
    },
    {
      name: 'template-is-pure',
      severity: 'error',
      from: { path: '^src/template/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: '^(node:)?util$' },
    },
    {
      name: 'only-config-reads-the-environment-file',
      severity: 'error',
      from: { pathNot: '^src/(bundle/service|config/|(database|replicas)/commands/)' },
      to: { path: '^src/config/(environment|variables?)\\.ts$' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.(spec|d)\\.ts$' },
      to: {},
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '(^test/|\\.spec\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '^(node_modules|dist)' },
  },
};
