import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const run = promisify(execFile);
const CRUISE = resolve('node_modules/.bin/depcruise');

/** A small source tree, and what each file imports: four arrows are forbidden. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['health/prober', 'balancing/balancer', 'template/render', 'jobs/runner'],
  'health/prober.ts': ['registry/worker', 'balancing/balancer'],
  'balancing/balancer.ts': ['registry/worker'],
  'balancing/balancing-errors.ts': [],
  'jobs/runner.ts': ['registry/worker', 'balancing/balancing-errors', 'balancing/balancer'],
  'template/render.ts': ['registry/worker'],
  'registry/worker.ts': ['registry/live'],
  'registry/live.ts': ['registry/worker'],
};

it('the import rules between folders report each arrow that is forbidden, and no other', async () => {
  const house = await mkdtemp(join(tmpdir(), 'mmm-arrows-'));
  onTestFinished(() => rm(house, { recursive: true, force: true }));
  await copyFile('.dependency-cruiser.cjs', join(house, '.dependency-cruiser.cjs'));
  await writeFile(join(house, 'tsconfig.json'), '{}');
  for (const [path, imports] of Object.entries(SOURCES)) {
    const file = join(house, 'src', path);
    await mkdir(dirname(file), { recursive: true });
    const up = path.includes('/') ? '../' : './';
    await writeFile(file, `${imports.map((name) => `import '${up}${name}.js';\n`).join('')}export {};\n`);
  }

  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const { stdout } = await run(CRUISE, args, { cwd: house }).catch((error: { stdout: string }) => error);
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { from: string; to: string; rule: { name: string } }[] };
  };

  const found = summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`);
  expect(found.toSorted()).toEqual([
    'health-imports-only-what-it-may: src/health/prober.ts -> src/balancing/balancer.ts',
    'jobs-know-errors-of-balancing-only: src/jobs/runner.ts -> src/balancing/balancer.ts',
    'no-circles: src/registry/live.ts -> src/registry/worker.ts',
    'template-is-a-leaf: src/template/render.ts -> src/registry/worker.ts',
  ]);
});
