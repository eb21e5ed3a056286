import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Every user may enter it, as they may a folder of a shared disk; gone when the test is. */
export function openFolder(): string {
  const folder = temporaryFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** The caller removes it. Short whatever TMPDIR says, so that sockets fit. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join('/tmp', 'mmm-test-'));
  chmodSync(folder, 0o755);
  return folder;
}

/** Below a folder that only its owner may enter, like most home folders. */
export function folderInPrivateHome(): { readonly home: string; readonly folder: string } {
  const home = join(openFolder(), 'home');
  mkdirSync(home, { mode: 0o700 });
  return { home, folder: join(home, 'project') };
}
