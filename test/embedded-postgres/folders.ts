import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that every user may enter, like one on a shared disk; removed after the test. */
export function openFolder(): string {
  const folder = temporaryFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** The test removes it. Its path is short whatever TMPDIR is, so that socket paths fit. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join('/tmp', 'mmm-test-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** A folder inside one that only its owner may enter, like most home folders. */
export function folderInPrivateHome(): { readonly home: string; readonly folder: string } {
  const home = join(openFolder(), 'home');
  mkdirSync(home, { mode: 0o700 });
  return { home, folder: join(home, 'project') };
}
