import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { LineBatches } from './log-lines.js';

function aFile(): { readonly path: string; readonly batches: LineBatches } {
  const folder = mkdtempSync(join(tmpdir(), 'line-batches-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  return { path, batches: new LineBatches(openSync(path, 'w')) };
}

const lines = Array.from({ length: 5_000 }, (_, index) => `{"line":${index},"of":"Größe 🦙"}\n`);

it('writes every line once and in order, without a flush', async () => {
  const { path, batches } = aFile();
  for (const line of lines) batches.write(line);
  await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe(lines.join('')));
});

it('has written all lines after a flush', () => {
  const { path, batches } = aFile();
  const few = lines.slice(0, 1_000);
  for (const line of few) batches.write(line);
  expect(readFileSync(path, 'utf8')).toBe('');
  batches.flushSync();
  expect(readFileSync(path, 'utf8')).toBe(few.join(''));
});
