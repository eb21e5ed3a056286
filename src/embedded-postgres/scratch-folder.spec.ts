import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { abandonedScratch, scratchName } from './scratch-folder.js';

function folderWith(names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'scratch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of names) mkdirSync(join(folder, name));
  return folder;
}

describe('abandonedScratch', () => {
  it('names folders of ended processes, and of an earlier process with this pid', () => {
    const ended = `initdb-${spawnSync('true').pid}-abc-1`;
    const before = `initdb-${process.pid}-abc-1`;
    expect(abandonedScratch(folderWith([ended, before]), 'initdb-').toSorted()).toEqual(
      [ended, before].toSorted(),
    );
  });

  it('keeps folders in use, by this process or another, and other folders', () => {
    const folder = folderWith([
      scratchName('initdb-'),
      scratchName('initdb-'),
      `initdb-${process.ppid}-abc-1`,
      'initdb-notes',
      'data',
    ]);
    expect(abandonedScratch(folder, 'initdb-')).toEqual([]);
  });
});
