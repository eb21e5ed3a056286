import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const CRUISE = resolve('node_modules/.bin/depcruise');

/** A small source tree of its own, checked by the project's rules. */
describe('the import rules between folders', () => {
  let house: string;

  beforeEach(async () => {
    house = await mkdtemp(join(tmpdir(), 'mmm-arrows-'));
    await copyFile('.dependency-cruiser.cjs', join(house, '.dependency-cruiser.cjs'));
    await writeFile(join(house, 'tsconfig.json'), '{}');
    await write('src/main.ts', `import './health/prober.js';\nimport './balancing/balancer.js';\n`);
    await write(
      'src/health/prober.ts',
      `import { worker } from '../registry/worker.js';\nexport const prober = worker;\n`,
    );
    await write(
      'src/balancing/balancer.ts',
      `import { worker } from '../registry/worker.js';\nexport const balancer = worker;\n`,
    );
    await write('src/registry/worker.ts', 'export const worker = 1;\n');
  });
  afterEach(() => rm(house, { recursive: true, force: true }));

  it('accept a source tree that follows them', async () => {
    expect(await broken()).toEqual([]);
  });

  it('report an import of balancing in health', async () => {
    await write(
      'src/health/prober.ts',
      `import { balancer } from '../balancing/balancer.js';\nexport const prober = balancer;\n`,
    );
    expect(await broken()).toContain('health-imports-only-what-it-may');
  });

  it('report an import of a sibling in a leaf folder', async () => {
    await write(
      'src/template/render.ts',
      `import { worker } from '../registry/worker.js';\nexport const render = worker;\n`,
    );
    await write(
      'src/main.ts',
      `import './template/render.js';\nimport './health/prober.js';\nimport './balancing/balancer.js';\n`,
    );
    expect(await broken()).toContain('template-is-a-leaf');
  });

  it('report an import of balancing in jobs, but for its errors', async () => {
    await write('src/balancing/balancing-errors.ts', 'export const full = 1;\n');
    await write(
      'src/jobs/runner.ts',
      `import '../balancing/balancing-errors.js';\nexport const runner = 1;\n`,
    );
    await write(
      'src/main.ts',
      `import './health/prober.js';\nimport './balancing/balancer.js';\nimport './jobs/runner.js';\n`,
    );
    expect(await broken()).toEqual([]);
    await write('src/jobs/runner.ts', `import '../balancing/balancer.js';\nexport const runner = 1;\n`);
    expect(await broken()).toContain('jobs-know-errors-of-balancing-only');
  });

  it('report an import cycle', async () => {
    await write('src/registry/worker.ts', `import './live.js';\nexport const worker = 1;\n`);
    await write(
      'src/registry/live.ts',
      `import { worker } from './worker.js';\nexport const live = worker;\n`,
    );
    expect(await broken()).toContain('no-circles');
  });

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(house, path)), { recursive: true });
    await writeFile(join(house, path), text);
  }

  async function broken(): Promise<string[]> {
    const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
    const { stdout } = await run(CRUISE, args, { cwd: house }).catch((error: { stdout: string }) => error);
    const report = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
    return report.summary.violations.map(({ rule }) => rule.name);
  }
});
