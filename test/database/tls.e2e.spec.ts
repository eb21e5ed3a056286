import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pgOptions } from '../../src/database/data-source.js';
import { DatabaseClient } from '../../src/database/database-client.js';
import { createDatabase, type TestDatabase } from '../database.js';
import { serverOf } from '../database-behind-proxy.js';
import { ROOT } from '../process.js';

const MIGRATE = join(ROOT, 'dist/src/database/commands/migrate.js');
/** A client's request for TLS: PostgreSQL's first message, 8 bytes with this code. */
const SSL_REQUEST = 80_877_103;

describe.skipIf(!hasOpenssl())('a PostgreSQL whose certificate is of a private CA', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mmm-tls-'));
  const inFolder = (name: string) => join(folder, name);
  let database: TestDatabase;
  /** TLS ends here, as in a pooler; the database is behind it. */
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (first) => {
      if (first.readInt32BE(4) !== SSL_REQUEST) {
        socket.destroy();
        return;
      }
      socket.write('S');
      const secured = new TLSSocket(socket, {
        isServer: true,
        cert: readFileSync(inFolder('server.pem')),
        key: readFileSync(inFolder('server.key')),
      });
      const upstream = connect(serverOf(database.address));
      for (const end of [secured, upstream]) end.on('error', () => socket.destroy());
      secured.pipe(upstream).pipe(secured);
    });
  });
  const urlOf = (query: string, host = 'localhost') =>
    `postgres://postgres@${host}:${(server.address() as AddressInfo).port}/${name}?${query}`;
  let name = '';

  beforeAll(async () => {
    makeCertificates(folder);
    database = await createDatabase();
    const [row] = await database.query<{ name: string }>('SELECT current_database() AS name');
    name = row?.name ?? '';
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function connects(query: string, host?: string): Promise<string> {
    const client = new DatabaseClient(pgOptions({ url: urlOf(query, host) }, 'test'));
    try {
      await client.connect();
      return 'connected';
    } catch (error) {
      return String(error);
    } finally {
      await client.end().catch(() => {});
    }
  }

  it('is trusted with sslrootcert, and otherwise refused with what to do', async () => {
    const withCa = `sslrootcert=${inFolder('ca.pem')}`;
    for (const mode of ['verify-full', 'require', 'verify-ca', 'prefer']) {
      expect([mode, await connects(`sslmode=${mode}&${withCa}`)]).toEqual([mode, 'connected']);
      expect(await connects(`sslmode=${mode}`)).toContain(
        'add sslrootcert=/path/to/ca.pem to the URL, or set NODE_EXTRA_CA_CERTS',
      );
    }
    expect(await connects('sslmode=no-verify')).toBe('connected');
    expect(await connects('uselibpqcompat=true&sslmode=require')).toBe('connected');
  });

  it('is refused under another name than that of its certificate, unless only its CA is to be checked', async () => {
    const withCa = `sslrootcert=${inFolder('ca.pem')}`;
    expect(await connects(`sslmode=require&${withCa}`, '127.0.0.1')).toMatch(/does not match certificate/);
    expect(await connects(`uselibpqcompat=true&sslmode=verify-ca&${withCa}`, '127.0.0.1')).toBe('connected');
  });

  it('is trusted by NODE_EXTRA_CA_CERTS, and no mode prints a warning', async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MIGRATE, 'run'], {
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: urlOf('sslmode=require'),
        NODE_EXTRA_CA_CERTS: inFolder('ca.pem'),
      },
      cwd: folder,
    });
    expect([stdout, stderr]).toEqual(['nothing to migrate\n', '']);
  });
});

function makeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=A private CA',
    '-days',
    '2',
  );
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost');
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'server.pem',
    '-days',
    '2',
    '-extfile',
    'names',
  );
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
