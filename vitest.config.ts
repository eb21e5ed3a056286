import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import RetryReporter from './test/retry-reporter.js';

const ROOT = import.meta.dirname;
const CORES = availableParallelism();

/**
 * The service is tested as it ships: what a test imports from `src/` comes from `dist/src/`, and Node loads it without
 * a transform, which takes a third of the time. test/global-setup.ts builds it when it is older than the sources.
 */
const testTheBuild: Plugin = {
  name: 'test-the-build',
  enforce: 'pre',
  resolveId(source, importer) {
    if (importer === undefined || !source.startsWith('.')) return null;
    const path = relative(ROOT, resolve(importer, '..', source));
    return path.startsWith('src/') ? join(ROOT, 'dist', path) : null;
  },
};

/** Where tests wait most, for deaths, leases and ends of time. They begin first, so that none runs alone at the end. */
const WAITING = [
  'cluster/',
  'replicas/',
  'jobs/',
  'lifecycle/',
  'health/',
  'streams/slow-readers',
  'usage/truth',
  'management/dry-run-poll',
].map((path) => join(ROOT, 'test', path));
class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const [first, then]: [TestSpecification[], TestSpecification[]] = [[], []];
    // oxlint-disable-next-line unicorn/no-array-sort -- it is the sequencer's, and changes no array
    for (const file of await super.sort(files))
      (WAITING.some((path) => file.moduleId.startsWith(path)) ? first : then).push(file);
    return [...first, ...then];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: WaitingFirst },
    reporters: ['default', new RetryReporter()],
    projects: [
      // A law is hundreds of cases, and machines are busy: none is meant to be timed.
      // They share no state, so their files may share a process: three times as quick.
      {
        test: {
          name: 'unit',
          include: ['src/**/*.spec.ts', 'bench/**/*.spec.ts', 'console/src/**/*.spec.ts'],
          setupFiles: 'test/fast-check-seed.ts',
          isolate: false,
          maxWorkers: CORES,
          testTimeout: 60_000,
        },
      },
      // More than half of their time is waiting. With three files for each core, tests waited for each other.
      // The limits of time are for machines that need four times as long as the one on which a case takes 30 s.
      {
        plugins: [testTheBuild],
        test: {
          name: 'e2e',
          include: ['test/**/*.spec.ts'],
          globalSetup: 'test/global-setup.ts',
          setupFiles: 'test/fast-check-seed.ts',
          server: { deps: { external: [/\/dist\/src\//] } },
          isolate: false,
          execArgv: ['--require', join(ROOT, 'test/optimize-late.cjs')],
          maxWorkers: Number(process.env['WORKERS'] ?? CORES * 2),
          sequence: { groupOrder: 1 },
          testTimeout: 240_000,
          expect: { poll: { timeout: 60_000, interval: 20 } },
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
