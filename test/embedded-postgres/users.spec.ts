import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  prepareDataDirectory,
  relocatedHome,
  RELOCATION_BASES,
} from '../../src/embedded-postgres/data-directory.js';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded-postgres/embedded-postgres.js';
import { postgresUser } from '../../src/embedded-postgres/postgres-user.js';
import { firstValue } from './query.js';
import { buildCopy } from './built-copy.js';
import { folderInPrivateHome, openFolder, temporaryFolder } from './folders.js';
import { startHost } from './host-process.js';

const isRootOnLinux = process.platform === 'linux' && process.geteuid?.() === 0;
const NOBODY = 65534;
const UNSHARE = '/usr/bin/unshare';
const folder = temporaryFolder();
/** Its PostgreSQL package has no links, as after `npm ci --ignore-scripts`. */
const app = join(folder, 'app');
beforeAll(() => buildCopy(app));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
  onTestFinished(() => postgres.stop());
  return postgres;
}

describe('started by an ordinary user, from a package whose install script did not run', () => {
  const ordinary = isRootOnLinux ? { uid: 1, gid: 1 } : {}; // daemon, which every passwd file contains

  it('runs as that user, with a DATA_DIR that only this user can enter', async () => {
    const home = openFolder();
    if (ordinary.uid !== undefined) chownSync(home, ordinary.uid, ordinary.gid);
    const dataDir = join(home, 'data');
    const host = await startHost(app, dataDir, { ...ordinary, env: { HOME: home } });
    expect(host.report).toMatchObject({ started: true, notices: [] });
    if (!host.report.started) return;
    expect(await firstValue(host.report, "SELECT upper('ä')")).toBe('Ä');
    const uid = ordinary.uid ?? process.getuid?.();
    for (const path of [dataDir, join(dataDir, 'postgres')]) {
      expect(statSync(path)).toMatchObject({ uid, mode: 0o40700 });
    }
    await host.stop();
  });

  it.runIf(isRootOnLinux)('names the missing passwd entry', async () => {
    const home = openFolder();
    chownSync(home, 54_321, 54_321);
    const { report } = await startHost(app, join(home, 'data'), { uid: 54_321, gid: 54_321 });
    expect(report).toMatchObject({
      started: false,
      code: 'NO_PASSWD_ENTRY',
      message: expect.stringMatching(/uid 54321 has none.*DATABASE_URL/),
    });
  });

  it.runIf(isRootOnLinux)('names the owner of the folder that root left behind', async () => {
    const home = openFolder();
    const dataDir = join(home, 'data');
    prepareDataDirectory(dataDir, postgresUser());
    const { report } = await startHost(app, dataDir, { uid: 1, gid: 1 });
    expect(report).toMatchObject({
      started: false,
      code: 'UNREACHABLE',
      message: expect.stringMatching(/belongs to uid 65534.*chown/),
    });
  });
});

describe.runIf(isRootOnLinux)('started by root', () => {
  /** For tests that need any database. */
  const shared = join(folder, 'shared');

  it('runs as the user nobody, which gets its own folder and cannot read the keys beside it', async () => {
    const dataDir = shared;
    const postgres = await start(dataDir);
    mkdirSync(join(dataDir, 'keys'), { mode: 0o700 });
    writeFileSync(join(dataDir, 'keys', 'first'), 'secret');

    expect(readFileSync(`/proc/${postgres.pid}/status`, 'utf8')).toMatch(
      /^Uid:\s+65534\s.*\nGid:\s+65534\s/m,
    );
    expect(readFileSync(`/proc/${postgres.pid}/status`, 'utf8')).toMatch(/^Groups:\s*$/m);
    expect(statSync(dataDir)).toMatchObject({ uid: 0, mode: 0o40711 });
    expect(statSync(join(dataDir, 'postgres'))).toMatchObject({ uid: NOBODY, gid: NOBODY, mode: 0o40700 });
    await expect(firstValue(postgres, `SELECT pg_read_file('${dataDir}/keys/first')`)).rejects.toThrow(
      'Permission denied',
    );
    await expect(firstValue(postgres, `COPY (SELECT 1) TO '${dataDir}/planted'`)).rejects.toThrow(
      'Permission denied',
    );
  });

  const mayMount = isRootOnLinux && spawnSync(UNSHARE, ['--mount', 'true']).status === 0;
  it.runIf(mayMount)('needs only DATA_DIR on a read-only root file system', async () => {
    const dataDir = join(openFolder(), 'data');
    mkdirSync(dataDir);
    const script =
      'mount --bind "$1" "$1" && mount -o remount,bind,ro / && ! touch /not-read-only && exec "$2" "$3" "$1"';
    const execArgv = ['--mount', '/bin/sh', '-c', script, 'read-only', dataDir, process.execPath];
    const host = await startHost(app, dataDir, { execPath: UNSHARE, execArgv, silent: true });
    expect(host.report).toMatchObject({ started: true, notices: [] });
    await host.stop();
  });

  it('copies the programs once from a home folder that the user nobody may not enter', async () => {
    const { folder: project } = folderInPrivateHome();
    buildCopy(project);
    const dataDir = shared;
    const made: number[] = [];
    for (const _ of ['first', 'second']) {
      const host = await startHost(project, dataDir);
      expect(host.report).toMatchObject({ started: true, notices: [expect.stringContaining('copied to')] });
      await host.stop();
      const copies = readdirSync(dataDir).filter((name) => name.startsWith('postgres-binaries-'));
      made.push(...copies.map((name) => statSync(join(dataDir, name)).ino));
    }
    expect(new Set(made).size).toBe(1);
    expect(made).toHaveLength(2);
  });

  it('keeps the database elsewhere if the user nobody may not enter DATA_DIR, reports that, and finds it again', async () => {
    const dataDir = join(folderInPrivateHome().folder, 'data');
    const elsewhere = RELOCATION_BASES.map((base) => relocatedHome(dataDir, base));
    onTestFinished(() =>
      elsewhere.forEach((home) => rmSync(home, { recursive: true, force: true, maxRetries: 10 })),
    );

    const first = await start(dataDir);
    expect(elsewhere.map((home) => join(home, 'postgres'))).toContain(first.connection.host);
    // In a checkout that other users cannot enter, a second notice names the copied programs.
    expect(statSync(join(first.folder, 'data', 'PG_VERSION')).uid).toBe(NOBODY);
    const [relocated, ...others] = first.notices;
    expect(relocated).toContain(`${dataDir} is kept in ${first.connection.host}`);
    expect(others.filter((notice) => !notice.includes('programs were copied'))).toEqual([]);
    await firstValue(first, 'CREATE TABLE kept ()');
    await first.stop();

    const second = await start(dataDir);
    expect(await firstValue(second, 'SELECT count(*) FROM kept')).toBe('0');
  });
});

describe.runIf(isRootOnLinux)('a folder that root does not trust', () => {
  const planted: [string, (path: string) => void][] = [
    ['is a link', (path) => symlinkSync('/etc', path)],
    ['is not a folder', (path) => writeFileSync(path, '')],
    ['belongs to uid 1', (path) => (mkdirSync(path), chownSync(path, 1, 1))],
    ['can be written by others', (path) => (mkdirSync(path), chmodSync(path, 0o777))],
  ];

  it.each(planted)('is refused in place of a relocated folder: it %s', (fault, plant) => {
    const base = openFolder();
    const dataDir = join(folderInPrivateHome().folder, 'data');
    plant(relocatedHome(dataDir, base));
    expect(() => prepareDataDirectory(dataDir, postgresUser(), [base])).toThrow(
      expect.objectContaining({ code: 'UNREACHABLE', message: expect.stringContaining(fault) }),
    );
  });

  it.each(planted)('is refused in place of DATA_DIR/postgres: it %s', (fault, plant) => {
    const dataDir = openFolder();
    plant(join(dataDir, 'postgres'));
    if (fault === 'can be written by others') chownSync(join(dataDir, 'postgres'), NOBODY, NOBODY);
    expect(() => prepareDataDirectory(dataDir, postgresUser())).toThrow(
      expect.objectContaining({ code: 'UNREACHABLE', message: expect.stringContaining(fault) }),
    );
    expect(statSync('/etc').uid).toBe(0);
  });

  it('is replaced by the next base only if it cannot be created at all', () => {
    const base = openFolder();
    const dataDir = join(folderInPrivateHome().folder, 'data');
    const { home } = prepareDataDirectory(dataDir, postgresUser(), ['/proc', join(base, 'missing'), base]);
    expect(home).toBe(relocatedHome(dataDir, base));
  });
});

describe.runIf(isRootOnLinux)('a database that the user nobody can no longer reach', () => {
  it('is not replaced by an empty one; the message names the folder to open', () => {
    const { home, folder: project } = folderInPrivateHome();
    chmodSync(home, 0o755);
    const { cluster } = prepareDataDirectory(project, postgresUser());
    mkdirSync(cluster);
    writeFileSync(join(cluster, 'PG_VERSION'), '18\n');
    chmodSync(home, 0o700);
    expect(() => prepareDataDirectory(project, postgresUser())).toThrow(
      expect.objectContaining({
        code: 'UNREACHABLE',
        message: expect.stringContaining(`chmod o+x ${home})`),
      }),
    );
  });
});
