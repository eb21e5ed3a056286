import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresUser } from './postgres-user.js';
import {
  makeSocketDirectory,
  removeSocketDirectory,
  socketPath,
  socketPathLimit,
} from './socket-directory.js';

const user = postgresUser();
let base: string;
beforeEach(() => {
  base = mkdtempSync('/tmp/sockets-'); // short, whatever TMPDIR says
  chmodSync(base, 0o755);
});
afterEach(() => rmSync(base, { recursive: true }));

/** A DATA_DIR whose socket has a path of this many bytes. */
function withSocketPathOf(bytes: number) {
  const rest = Buffer.byteLength(socketPath(`${base}/x`)) - 1;
  const postgres = join(base, 'x'.repeat(bytes - rest));
  return { home: base, postgres, cluster: join(postgres, 'data'), notices: [] };
}

describe('makeSocketDirectory', () => {
  const limit = socketPathLimit(process.platform);
  const tooLong = () => withSocketPathOf(limit + 1);

  it('returns the database’s own folder up to the longest path of a socket', () => {
    const directory = withSocketPathOf(limit);
    expect(makeSocketDirectory(directory, user, [])).toEqual({
      path: directory.postgres,
      isTemporary: false,
    });
  });

  it('returns a private folder for longer paths, the same each time', () => {
    const made = makeSocketDirectory(tooLong(), user, ['/no/such/folder', base]);
    expect(dirname(made.path)).toBe(base);
    expect(statSync(made.path)).toMatchObject({ uid: user.uid, mode: 0o40700 });
    expect(makeSocketDirectory(tooLong(), user, [base])).toEqual(made);
  });

  it('returns another folder when another user has created the usual one', () => {
    const usual = makeSocketDirectory(tooLong(), user, [base]);
    removeSocketDirectory(usual);
    symlinkSync('/etc', usual.path);
    const other = makeSocketDirectory(tooLong(), user, [base]);
    expect(other.path).not.toBe(usual.path);
    expect(statSync(other.path).uid).toBe(user.uid);
  });

  it('throws UNREACHABLE when no path is short enough', () => {
    expect(() => makeSocketDirectory(tooLong(), user, ['/no/such/folder'])).toThrow(
      expect.objectContaining({ code: 'UNREACHABLE', message: expect.stringContaining('shorter path') }),
    );
  });
});

describe('removeSocketDirectory', () => {
  it('keeps a folder that is not empty, and one that was not created for the socket', () => {
    const path = join(base, 'full');
    mkdirSync(path);
    removeSocketDirectory({ path, isTemporary: false });
    writeFileSync(join(path, 'file'), '');
    removeSocketDirectory({ path, isTemporary: true });
    expect(existsSync(path)).toBe(true);
  });
});
