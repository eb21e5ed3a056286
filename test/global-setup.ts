import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

const ROOT = join(import.meta.dirname, '..');
const SOURCES = [
  'vite.service.mjs',
  'src',
  'migrations',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const CONSOLE = ['console'];

/** Builds first when `dist/` is older than a source, so that `npx vitest run test/x` never tests an old build. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (isOlder('dist/src/bundle/service.cjs.compiled', SOURCES)) run('build');
  else if (isOlder('dist/console/index.html', CONSOLE)) run('build:console');
  const { startTestServer } = await import('./test-server.js');
  return startTestServer(project);
}

function isOlder(built: string, sources: readonly string[]): boolean {
  const builtMs = statSync(join(ROOT, built), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return sources.some((source) => newestMs(join(ROOT, source)) > builtMs);
}

function run(script: string): void {
  execFileSync('npm', ['run', script], { cwd: ROOT, stdio: 'inherit' });
}

/** Includes folders, because only their times show that a file was removed. */
function newestMs(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return path.endsWith('.spec.ts') ? 0 : stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
