import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { databaseSettings, postgresOf, ROOT, startProcess } from '../process.js';
import { PATIENT_MS, until } from '../until.js';

const run = promisify(execFile);

async function busyPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}

describe('a bad configuration', () => {
  it('stops the start with exit code 78 and every fault in one message, and shows no secret', async () => {
    const service = startProcess({
      PORT: 'abc',
      HEALTH_TIMEOUT_MS: '-1',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      LOG_LEVEL: 'loud',
    });
    expect(await service.exited).toEqual({ code: 78, signal: null });
    expect(service.stdout).toBe('');
    const { level, msg, faults } = service.failure;
    expect([level, msg]).toEqual(['fatal', expect.stringContaining('4 faults')]);
    for (const fault of ['PORT: "abc"', 'HEALTH_TIMEOUT_MS: "-1"', 'DATABASE_URL: ', 'LOG_LEVEL: "loud"'])
      expect(msg).toContain(fault);
    expect(faults).toHaveLength(4);
    expect(service.stderr).not.toContain('hunter2');
  });

  it('is reported as text where the log is text', async () => {
    const service = startProcess({ PORT: 'abc', LOG_FORMAT: 'pretty' }, { asShipped: true });
    expect(await service.exited).toEqual({ code: 78, signal: null });
    expect(service.stderr).toMatch(/^The configuration has a fault:\n {2}PORT: "abc" is not .*\n$/);
  });

  it('starts with settings that no longer exist, and names them in one warning', async () => {
    const database = databaseSettings((await databaseForTest()).address);
    const removed = { HEALTH_TICK_MS: '100', BALANCING_EJECTION_BASE_MS: 'soon' };
    const { log } = await startProcess({ ...database, ...removed }).listening();
    const warnings = log.filter(
      ({ level, msg }) => level === 'warn' && String(msg).includes('no longer exist'),
    );
    expect(warnings).toMatchObject([
      { msg: 'settings that no longer exist are ignored: HEALTH_TICK_MS, BALANCING_EJECTION_BASE_MS' },
    ]);
  });
});

describe('a first start with only Node', () => {
  it('serves, prints where its data is and curl lines that work, and keeps other services off its DATA_DIR', async () => {
    const dataDir = openFolder();
    const startedMs = performance.now();
    const service = await startProcess({ DATA_DIR: dataDir }, { asShipped: true }).ready();
    const coldMs = performance.now() - startedMs;
    process.stdout.write(`cold start, database made and migrated: ${Math.round(coldMs)} ms\n`);

    await until(() => service.log.some((line) => 'try' in line));
    const greeting = service.log.find((line) => 'try' in line);
    const [, folder = ''] = /^embedded PostgreSQL in (.+)$/.exec(String(greeting?.['registry'])) ?? [];
    expect(existsSync(join(folder, 'data', 'PG_VERSION'))).toBe(true);
    const lines = greeting?.['try'] as readonly string[];
    const answers: unknown[] = [];
    for (const line of lines) {
      const { stdout } = await run('sh', ['-c', `${line} --silent --show-error`]);
      answers.push(JSON.parse(stdout));
    }
    const worker = { model_name: 'echo', req_url_template: `${service.url}/echo` };
    expect(answers).toEqual([
      { success: true, msg: 'register LLM echo succeed!' },
      { success: true, msg: 'execute succeed', result: 'You said: who are you?' },
      { success: true, data: [worker] },
      { success: true, msg: `remove llm worker(model_name=echo, url=${worker.req_url_template}) succeed!` },
    ]);

    const second = startProcess({ DATA_DIR: dataDir });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.failure['msg']).toMatch(/^The embedded database in .* is in use .*DATA_DIR of its own.*$/);
    const again = { ...worker, body: { input: '{USER_PROMPT}' }, response_extract: 'output' };
    expect((await service.register(again)).status).toBe(200);
    expect((await service.chat('echo', 'unharmed?')).json).toMatchObject({ result: 'You said: unharmed?' });
  });

  it('prints the curl lines as lines to copy where the output is no terminal, and within JSON if LOG_FORMAT says so', async () => {
    const database = databaseSettings((await databaseForTest()).address);
    const [auto, json] = await Promise.all(
      ['auto', 'json'].map((format) => startProcess({ ...database, LOG_FORMAT: format }).ready()),
    );
    await until(() => auto?.stdout.match(/^curl .+$/gm)?.length === 4);
    await until(() => json?.log.some((line) => 'try' in line) === true);
    expect(json?.stdout).not.toMatch(/^curl /m);
  });
});

describe('a port in use', () => {
  it('stops the start with one line and exit code 1, and leaves no PostgreSQL behind', async () => {
    const port = await busyPort();
    const dataDir = openFolder();
    const service = startProcess({ PORT: String(port), DATA_DIR: dataDir });
    expect(await service.exited).toEqual({ code: 1, signal: null });
    expect(service.failure['msg']).toMatch(new RegExp(`^.*127\\.0\\.0\\.1:${port}: .*in use.* set PORT .*$`));
    expect(service.failure).not.toHaveProperty('stack');
    expect(postgresOf(dataDir)).toBeUndefined();
  });
});

describe('MIGRATE_ON_START=false on an empty database', () => {
  it('keeps the service alive but not ready until the printed command has migrated the database', async () => {
    const database = await databaseForTest(null);
    const settings = { ...databaseSettings(database.address), MIGRATE_ON_START: 'false' };
    const service = await startProcess(settings).listening();
    await until(() => service.stdout.includes('npm run migration:run'), PATIENT_MS);
    expect((await service.get('/livez')).status).toBe(200);
    expect((await service.get('/readyz')).status).toBe(503);

    const { stdout } = await run(process.execPath, ['dist/src/database/commands/migrate.js', 'run'], {
      cwd: ROOT,
      env: { ...process.env, ...settings },
    });

    expect(stdout).toMatch(/^migrated: /);
    await service.ready();
    expect((await service.get('/api/server/workers')).json).toEqual({ success: true, data: [] });
  });
});
