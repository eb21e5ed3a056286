import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { locateBinaries } from '../../src/embedded-postgres/binaries.js';
import { packageFor, thisPlatform } from '../../src/embedded-postgres/binaries.js';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * The supervisor and host.ts as plain JavaScript in `folder`, with PostgreSQL's package as npm leaves it when install
 * scripts are off: without its links. Other users can run it, whatever the checkout's place and modes.
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

/** A copy that takes no room and leaves symbolic links out. */
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
    copyFileSync(source, copy); // on another disk, or not ours to link
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
