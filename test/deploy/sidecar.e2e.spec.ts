import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { databaseForTest } from '../database.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { type FakeUpstream, json } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { startTcpProxy } from '../fakes/tcp-proxy.js';
import { startService, type TestService } from '../service.js';
import { until, within } from '../until.js';
import { Tree } from './tree.js';

/** Used only if it is installed. */
const KUBECTL = 'kubectl';
const KEY = '0123456789abcdef0123456789abcdef';
const AUTHORIZED = { authorization: `Bearer ${KEY}` };
const [deployment] = parseAllDocuments(readFileSync('examples/kubernetes/vllm.yaml', 'utf8')).map(
  (document) => new Tree(document.toJS()),
);
const pod = (deployment ?? new Tree(undefined)).at('spec', 'template', 'spec');
const sidecar = pod.at('initContainers', 0);
const preStop = pod.at('containers', 0, 'lifecycle', 'preStop', 'exec', 'command');
const MODEL = 'qwen3-8b';
const ANSWER = { choices: [{ message: { role: 'assistant', content: 'done' }, finish_reason: 'stop' }] };

interface ModelServer {
  readonly server: FakeUpstream;
  readonly chats: () => number;
  readonly finish: () => void;
}

/** Its chats wait until `finish` is called. The list of models, which probes may read, does not. */
async function fakeModelServer(): Promise<ModelServer> {
  let finish = (): void => {};
  const finished = new Promise<void>((done) => (finish = done));
  const server = await upstreamForTest((response, request) => {
    if (request.method === 'GET') json({ data: [{ id: MODEL }] })(response, request);
    else void finished.then(() => json(ANSWER)(response, request));
  });
  const chats = () => server.requests.filter(({ method }) => method === 'POST').length;
  return { server, chats, finish };
}

interface RunningPod {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly has: (file: string) => boolean;
  /** The worker's preStop hook, as the kubelet runs it. */
  readonly preStop: () => ChildProcess;
}

/** The container `registration`, with its command and variables as the kubelet sets them, and a shorter heartbeat. */
function startPod(server: FakeUpstream, managerUrl: string): RunningPod {
  const folder = openFolder();
  const port = new URL(server.url).port;
  const given: Record<string, string> = { POD_NAME: 'vllm-0', POD_IP: '127.0.0.1', MANAGER_KEY: KEY };
  const replaced: Record<string, string> = { MANAGER_URL: managerUrl, STATE_DIR: folder };
  const environment: Record<string, string> = { PATH: process.env['PATH'] ?? '' };
  for (const variable of sidecar.at('env').items()) {
    const name = variable.at('name').text;
    const value = replaced[name] ?? given[name] ?? variable.at('value').text;
    environment[name] = value
      .replaceAll(/\$\((\w+)\)/g, (whole, of: string) => environment[of] ?? whole)
      .replaceAll(':8000', `:${port}`)
      .replace('"heartbeat_ttl_s": 15', '"heartbeat_ttl_s": 1');
  }
  const [program = '', ...args] = sidecar
    .at('command')
    .items()
    .map((word) => word.text.replace('/opt/sidecar', resolve('examples/kubernetes')));
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    process: child,
    output: () => output,
    has: (file) => existsSync(join(folder, file)),
    preStop: () => {
      const [shell = '', ...words] = preStop
        .items()
        .map((word) => word.text.replaceAll('/run/worker', folder));
      return spawn(shell, words);
    },
  };
}

const SETTINGS = { HOST: '127.0.0.1', ADMIN_API_KEY: KEY, UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8' };

describe('examples/kubernetes/sidecar.mjs', () => {
  const states = async (service: TestService): Promise<readonly string[]> =>
    (await service.database.query<{ state: string }>('SELECT admin_state AS state FROM worker')).map(
      ({ state }) => state,
    );
  const chat = (service: TestService) =>
    service.post(
      '/v1/chat/completions',
      { model: MODEL, messages: [{ role: 'user', content: 'x' }] },
      AUTHORIZED,
    );

  it('registers its worker when it serves, and again when the row is gone, offline, or the service comes back', async () => {
    const database = await databaseForTest();
    const first = await startService(SETTINGS, database);
    const { server, finish } = await fakeModelServer();
    finish();
    server.health = 503;
    let url = new URL(first.url);
    const proxy = await startTcpProxy(() => ({ host: url.hostname, port: Number(url.port) }));
    onTestFinished(() => proxy.cut());
    const started = startPod(server, `http://127.0.0.1:${proxy.port}`);
    await until(() => server.probes > 1);
    expect(await states(first)).toEqual([]);
    expect(started.has('registered')).toBe(false);
    server.health = 200;
    await until(() => started.has('registered'));
    expect(await states(first)).toEqual(['enabled']);
    expect((await chat(first)).status).toBe(200);

    const renewals = () =>
      database.query<{ at: Date }>(
        'SELECT heartbeat_at AS at FROM worker_probe WHERE heartbeat_at IS NOT NULL',
      );
    await until(async () => (await renewals()).length === 1);
    const [before] = await renewals();
    await until(async () => (await renewals())[0]?.at.getTime() !== before?.at.getTime());

    await database.query('DELETE FROM worker');
    await expect.poll(() => states(first), within(2_000)).toEqual(['enabled']);
    await database.query(`UPDATE worker SET admin_state = 'offline'`);
    await expect.poll(() => states(first), within(2_000)).toEqual(['enabled']);

    // It stays away for several heartbeats.
    await first.stop();
    await proxy.cut();
    await database.query('DELETE FROM worker');
    await until(() => started.output().includes('heartbeat: 0'));
    const second = await startService(SETTINGS, database);
    onTestFinished(() => second.stop());
    url = new URL(second.url);
    await proxy.open();
    await expect.poll(() => states(second), within(2_000)).toEqual(['enabled']);
    await until(() => started.output().match(/registered as/g)?.length === 4);
  });

  it('drains its worker before the model server stops, and registers again after a mere restart', async () => {
    const service = await startService(SETTINGS);
    onTestFinished(() => service.stop());
    const { server, chats, finish } = await fakeModelServer();
    const started = startPod(server, service.url);
    await until(() => started.has('registered'));
    const running = chat(service);
    await until(() => chats() === 1);

    const hook = started.preStop();
    const hookEnded = once(hook, 'exit');
    await expect.poll(() => states(service), within(2_000)).toEqual(['draining']);
    expect((await chat(service)).status).toBe(503);
    expect(hook.exitCode).toBeNull();
    finish();
    expect((await running).status).toBe(200);
    expect(await hookEnded).toEqual([0, null]);
    expect(await states(service)).toEqual([]);
    expect(started.has('registered')).toBe(false);

    server.health = 503;
    const looks = server.probes;
    await until(() => server.probes > looks + 1);
    server.health = 200;
    await until(() => started.has('registered'));
    expect(await states(service)).toEqual(['enabled']);
  });

  it('drains its worker on SIGTERM and ends, also while the model server never answered', async () => {
    const service = await startService(SETTINGS);
    onTestFinished(() => service.stop());
    const { server, chats, finish } = await fakeModelServer();
    const started = startPod(server, service.url);
    await until(() => started.has('registered'));
    const running = chat(service);
    await until(() => chats() === 1);
    started.process.kill('SIGTERM');
    await expect.poll(() => states(service), within(2_000)).toEqual(['draining']);
    expect(started.process.exitCode).toBeNull();
    finish();
    expect((await running).status).toBe(200);
    expect(await once(started.process, 'exit')).toEqual([0, null]);
    expect(await states(service)).toEqual([]);

    server.health = 503;
    const unregistered = startPod(server, service.url);
    const looks = server.probes;
    await until(() => server.probes > looks);
    unregistered.process.kill('SIGTERM');
    expect(await once(unregistered.process, 'exit')).toEqual([0, null]);
  });

  it('is built by kustomize with the script, the image of the service and a preStop hook that needs a shell only', () => {
    expect(preStop.at(0).value).toBe('sh');
    expect(sidecar.at('restartPolicy').value).toBe('Always');
    expect(sidecar.at('image').value).toBe('multi-model-manager');
    const { status, stdout } = spawnSync(KUBECTL, ['kustomize', 'examples/kubernetes'], {
      encoding: 'utf8',
    });
    if (status === null) return; // kubectl is not installed
    const made = parseAllDocuments(stdout).map((document) => new Tree(document.toJS()));
    const script = made
      .find((each) => each.at('kind').value === 'ConfigMap')
      ?.at('data', 'sidecar.mjs').value;
    expect(script).toBe(readFileSync('examples/kubernetes/sidecar.mjs', 'utf8'));
  });
});
