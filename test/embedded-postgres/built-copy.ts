import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { locateBinaries, packageFor, thisPlatform } from '../../src/embedded-postgres/binaries.js';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * The supervisor and host.ts as plain JavaScript in `folder`, with the PostgreSQL package as npm installs it when install
 * scripts are off: without links. Other users can run it, wherever the checkout is and whatever its modes are.
 */
export function buildCopy(folder: string): void {
  const sources = readdirSync(join(ROOT, 'src/embedded-postgres'))
    .filter((name) => !name.endsWith('.spec.ts'))
    .map((name) => `src/embedded-postgres/${name}`);
  const host = relative(ROOT, fileURLToPath(new URL('./host.ts', import.meta.url)));
  for (const source of [...sources, host]) transpile(source, folder);
  write(join(folder, 'package.json'), '{ "type": "module" }');

  const packageName = packageFor(thisPlatform());
  linkFiles(locateBinaries(packageName).packageFolder, join(folder, 'node_modules', packageName));
}

/** Copies by hard links if possible, and leaves out symbolic links. */
function linkFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkFiles(source, copy);
    else if (entry.isFile()) linkFile(source, copy);
  }
}

function linkFile(source: string, copy: string): void {
  try {
    linkSync(source, copy);
  } catch {
    copyFileSync(source, copy); // on another disk, or hard links are not permitted
  }
}

function transpile(source: string, folder: string): void {
  const { outputText } = ts.transpileModule(readFileSync(join(ROOT, source), 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  write(join(folder, source.replace(/\.ts$/, '.js')), outputText);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
