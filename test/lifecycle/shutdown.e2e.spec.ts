import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { databaseForTest } from '../database.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { type Behaviour, type FakeUpstream, slow, startFakeUpstream, text } from '../fakes/fake-upstream.js';
import { databaseSettings, MAIN, postgresOf, ROOT, type ServiceProcess, startProcess } from '../process.js';
import { PATIENT_MS, until } from '../until.js';

const PATIENT = { timeout: PATIENT_MS, interval: 20 };
const CLEAN = { code: 0, signal: null };

async function upstreamThat(behaviour: Behaviour): Promise<FakeUpstream> {
  const upstream = await startFakeUpstream(behaviour);
  onTestFinished(() => upstream.close());
  return upstream;
}

async function register(service: ServiceProcess, upstream: FakeUpstream, more: object = {}): Promise<void> {
  const worker = { model_name: 'm', req_url_template: `${upstream.url}/x`, body: { q: '{USER_PROMPT}' } };
  expect((await service.register({ ...worker, ...more })).status).toBe(200);
}

/** An upstream that holds its requests until `open`. */
async function holding(): Promise<{ readonly upstream: FakeUpstream; readonly open: () => void }> {
  const held: (() => void)[] = [];
  const done = text('done');
  const upstream = await upstreamThat((...of) => void held.push(() => done(...of)));
  const open = (): void => {
    for (const answer of held.splice(0)) answer();
  };
  return { upstream, open };
}

/** Uses a database on the tests' server, which is ready at once. */
async function startQuick(environment: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const database = await databaseForTest();
  return startProcess({ ...databaseSettings(database.address), ...environment }).ready();
}

const AS_PROCESS_1 = ['unshare', '--pid', '--fork', '--kill-child'] as const;
const [UNSHARE, ...NEW_NAMESPACE] = AS_PROCESS_1;
const MAY_UNSHARE = spawnSync(UNSHARE, [...NEW_NAMESPACE, 'true']).status === 0;

/** A module for `--import`: the process gets a SIGTERM when it is about to load this file. */
function signalOnLoading(file: string): string {
  const hook = `export function load(url, context, next) {
    if (url.endsWith('${file}')) process.kill(process.pid, 'SIGTERM');
    return next(url, context);
  }`;
  return dataUrl(`import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hook))});`);
}

const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

const refuses = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => false,
    (error: unknown) => (error as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED',
  );

describe('SIGTERM', () => {
  it('stops a service that is still starting, and leaves no PostgreSQL behind', async () => {
    const dataDir = openFolder();
    const service = startProcess({ DATA_DIR: dataDir });
    // PostgreSQL first creates its folder; initdb follows, which is the longest part of a start.
    await until(() => existsSync(join(dataDir, 'postgres')), PATIENT_MS);
    expect(await service.stop()).toEqual(CLEAN);
    expect(service.stderr).toBe('');
    expect(postgresOf(dataDir)).toBeUndefined();
  });

  it.skipIf(!MAY_UNSHARE)('is heard by process 1 of a container while it loads the service', async () => {
    const database = await databaseForTest();
    const service = startProcess(databaseSettings(database.address), {
      command: [
        ...AS_PROCESS_1,
        process.execPath,
        '--import',
        signalOnLoading('/dist/src/bundle/load-service.js'),
        MAIN,
      ],
    });
    expect(await service.exited).toEqual(CLEAN);
    expect(service.log.map(({ msg }) => msg)).toContain('stopping: SIGTERM');
  });

  it('lets running requests finish, refuses new ones, and stops PostgreSQL too', async () => {
    const dataDir = openFolder();
    const service = await startProcess({ DATA_DIR: dataDir }).ready();
    const { upstream, open } = await holding();
    await register(service, upstream);
    const postgres = postgresOf(dataDir);
    expect(postgres).toBeDefined();

    const answers = Array.from({ length: 20 }, () => service.chat('m', 'hi'));
    await vi.waitFor(() => expect(upstream.calls).toBe(20), PATIENT);
    service.signal('SIGTERM');

    await until(() => refuses(service.url));
    expect(service.hasExited).toBe(false);
    service.signal('SIGTERM'); // repeated signals change nothing
    service.signal('SIGINT');
    open();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await service.exited).toEqual(CLEAN);
    expect(service.log.map(({ msg }) => msg)).toContain('stopped');
    expect(service.stderr).toBe('');
    expect(postgresOf(dataDir)).toBeUndefined();
  });

  it('loses no request on kept-alive connections, and sends Connection: close on them while it drains', async () => {
    const service = await startQuick({ SHUTDOWN_DELAY_MS: '4000' });
    await register(service, await upstreamThat(slow(40, text('done'))));
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    onTestFinished(() => agent.destroy());
    const clients = Array.from({ length: 8 }, () => callUntilRefused(service.url, agent));
    await until(
      () => service.log.filter(({ path }) => path === '/api/v1/chat/completions').length > 50,
      PATIENT_MS,
    );

    service.signal('SIGTERM');

    await until(async () => (await service.get('/readyz')).status === 503);
    expect((await service.get('/readyz')).headers.get('connection')).toBe('close');
    expect((await service.chat('m', 'still served')).status).toBe(200);
    for (const { answered, lost } of await Promise.all(clients)) {
      expect(lost).toEqual([]);
      expect(answered).toBeGreaterThan(0);
    }
    expect(await service.exited).toEqual(CLEAN);
  });

  it('waits at most DRAIN_TIMEOUT_MS for workers that hang, whether a client waits for them or not', async () => {
    const service = await startQuick({ DRAIN_TIMEOUT_MS: '500' });
    const upstream = await upstreamThat('hangs');
    await register(service, upstream);
    await register(service, upstream, { name: 'finish', on_disconnect: 'finish' });
    const calls = ['one each', 'while both are idle'].map((input) =>
      service.chat('m', input).catch((error: unknown) => error),
    );
    await vi.waitFor(() => expect(upstream.calls).toBe(2), PATIENT);
    // The default of ten minutes is longer than the case may take.
    expect(await service.stop()).toEqual(CLEAN);
    for (const call of calls) expect(await call).toBeInstanceOf(Error);
  });
});

describe('SIGINT', () => {
  it('drains like SIGTERM, and neither kept-alive nor silent connections delay it', async () => {
    const service = await startQuick();
    const { upstream, open } = await holding();
    await register(service, upstream);
    const silent = await connection(service);
    const late = await connection(service);
    const received = readAll(late);
    const answer = service.chat('m', 'hi');
    await vi.waitFor(() => expect(upstream.calls).toBe(1), PATIENT);

    service.signal('SIGINT');

    await until(() => refuses(service.url));
    late.write('GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await once(late, 'readable');
    open();
    expect((await answer).status).toBe(200);
    expect(await service.exited).toEqual(CLEAN);
    expect(await received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    silent.destroy();
  });
});

describe('npm run start:prod', () => {
  it('passes the signal to the service, which drains', async () => {
    const database = await databaseForTest();
    const service = startProcess(databaseSettings(database.address), {
      command: ['npm', 'run', '--silent', 'start:prod'],
      cwd: ROOT,
      ownGroup: true,
    });
    await service.ready();
    const { upstream, open } = await holding();
    await register(service, upstream);
    const answer = service.chat('m', 'hi');
    await vi.waitFor(() => expect(upstream.calls).toBe(1), PATIENT);
    service.signalGroup('SIGTERM');
    await until(() => service.log.some(({ msg }) => msg === 'stopping: SIGTERM'));
    open();
    expect((await answer).status).toBe(200);
    await service.exited;
    expect(service.log.map(({ msg }) => msg)).toContain('stopped');
  });
});

async function connection(service: ServiceProcess): Promise<Socket> {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  let received = '';
  for await (const chunk of socket.setEncoding('utf8')) received += String(chunk);
  return received;
}

interface Calls {
  readonly answered: number;
  readonly lost: readonly string[];
}

/** Calls like a proxy: over kept-alive connections until they are closed, and until a new one is refused. */
async function callUntilRefused(url: string, agent: Agent): Promise<Calls> {
  const lost: string[] = [];
  for (let answered = 0; ;) {
    const outcome = await callOnce(url, agent);
    // A connection that was not accepted before the port closed is reset instead of refused.
    const isRefused = outcome === 'ECONNREFUSED' || (outcome === UNTAKEN && (await refuses(url)));
    if (isRefused) return { answered, lost };
    if (outcome === '200') answered += 1;
    else lost.push(outcome);
  }
}

const UNTAKEN = 'ECONNRESET on a new connection';

function callOnce(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const options = { method: 'POST', agent, headers: { 'content-type': 'application/json' } };
    const call = request(`${url}/api/v1/chat/completions`, options, (response) => {
      response.once('error', (error) => resolve(`broken off: ${error.message}`));
      response.once('end', () => resolve(String(response.statusCode)));
      response.resume();
    });
    call.once('error', (error: NodeJS.ErrnoException) => {
      const isUntaken = error.code === 'ECONNRESET' && !call.reusedSocket;
      resolve(isUntaken ? UNTAKEN : (error.code ?? error.message));
    });
    call.end('{"model_name":"m","input":"hi"}');
  });
}
