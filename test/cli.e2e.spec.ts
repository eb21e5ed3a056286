import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Behaviour, json } from './fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from './fixtures/worker.js';
import { startService, type TestService } from './service.js';
import { until } from './until.js';

const MMM = resolve('dist/src/cli/mmm.js');
const ROOT_KEY = 'root-key-of-this-test';
const ROOT = { authorization: `Bearer ${ROOT_KEY}` };

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

let service: TestService;
let folder: string;
beforeAll(async () => {
  service = await startService({
    ADMIN_API_KEY: ROOT_KEY,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.1',
    HOST: '127.0.0.1',
  });
  folder = await mkdtemp(join(tmpdir(), 'mmm-cli-'));
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});

const environment = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  MMM_URL: service.url,
  MMM_KEY: ROOT_KEY,
  ...more,
});

/** Runs a command in a pipe. */
function mmm(
  args: readonly string[],
  { stdin = '', env = {} }: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  return new Promise((end) => {
    const child = execFile('node', [MMM, ...args], { env: environment(env) }, (error, out, err) =>
      end({ status: error === null ? 0 : Number(error.code), out, err }),
    );
    child.stdin?.end(stdin);
  });
}

/** Runs a command on a pseudo terminal of 200 columns. */
function onTerminal(args: readonly string[]): ChildProcess {
  const line = ['stty', 'cols', '200;', 'exec', 'node', MMM, ...args].join(' ');
  return spawn('script', ['-qefc', line, '/dev/null'], {
    env: environment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((end) => child.once('close', end));
  // oxlint-disable-next-line no-control-regex -- colours of a terminal
  return text.replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '').replaceAll('\r\n', '\n');
}

async function registered(
  model: string,
  behaviour: Behaviour = json({ answer: 'fine' }),
  more: object = {},
): Promise<string> {
  const upstream = await upstreamForTest(behaviour);
  const body = aWorker(upstream, { model_name: model, health_check: { kind: 'none' }, ...more });
  const { status, json: answer } = await service.post('/api/v1/workers', body, ROOT);
  expect(status).toBe(201);
  return (answer as { id: string }).id;
}

describe('the command line client', () => {
  it('registers a worker from a file, shows it in a list, and chats with it', async () => {
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const file = join(folder, 'worker.json');
    await writeFile(file, JSON.stringify(aWorker(upstream, { model_name: 'cli-a' })));
    const made = await mmm(['register', '-f', file]);
    const { id } = JSON.parse(made.out) as { id: string };
    const { out } = await mmm(['workers', '--model', 'cli-a']);
    expect(JSON.parse(out)).toMatchObject([{ id, model_name: 'cli-a', admin_state: 'enabled' }]);
    expect(await mmm(['chat', 'cli-a', 'how', 'are', 'you?'])).toEqual({ status: 0, out: 'fine\n', err: '' });
    expect(await mmm(['chat', 'cli-a'], { stdin: 'from a pipe' })).toMatchObject({
      status: 0,
      out: 'fine\n',
    });
    const bogus = await mmm(['workers', '--state', 'bogus', '--health', 'bogus']);
    expect(bogus).toMatchObject({ status: 1, out: '' });
    expect(bogus.err).toMatch(/^mmm: --health: must be one of [^;]*; --state: must be one of enabled, /);
    const models = JSON.parse((await mmm(['models'])).out) as { name: string }[];
    expect(models.map(({ name }) => name)).toContain('cli-a');
    expect(JSON.parse((await mmm(['explain', 'cli-a', 'hello'])).out)).toMatchObject({ would_pick: id });
  });

  it('shows what a registration would send, and what comes back, without storing it', async () => {
    const upstream = await upstreamForTest(json({ answer: 'tried' }));
    const body = JSON.stringify(aWorker(upstream, { model_name: 'cli-dry' }));
    const { out, status } = await mmm(['register', '-f', '-', '--dry-run', '--call'], { stdin: body });
    expect([status, JSON.parse(out)]).toMatchObject([0, { extracted: 'tried' }]);
    expect(JSON.parse((await mmm(['workers', '--model', 'cli-dry'])).out)).toEqual([]);
    const wrong = JSON.stringify(aWorker(upstream, { model_name: 'cli-dry', response_extract: 'anser' }));
    const refused = await mmm(['register', '-f', '-', '--dry-run', '--call'], { stdin: wrong });
    expect([refused.status, refused.out]).toEqual([1, '']);
    expect(refused.err).toMatch(/no key "anser"\n +the answer is an object\n +keys there: "answer"\n/);
  });

  it('switches a worker that is named by its model, by model and name, or by its id', async () => {
    const id = await registered('cli/switch', json({ answer: 'fine' }), { name: 'one' });
    expect(JSON.parse((await mmm(['disable', 'cli/switch'])).out)).toMatchObject({
      id,
      admin_state: 'disabled',
    });
    const refused = await mmm(['chat', 'cli/switch', 'hello']);
    expect(refused).toMatchObject({ status: 1, out: '' });
    expect(refused.err).toContain('1 disabled');
    expect(JSON.parse((await mmm(['enable', 'cli/switch/one'])).out)).toMatchObject({
      admin_state: 'enabled',
    });
    expect(JSON.parse((await mmm(['drain', id])).out)).toMatchObject({ id });
    expect(JSON.parse((await mmm(['offline', id])).out)).toMatchObject({ admin_state: 'offline' });
  });

  it('lists the workers that a name could mean', async () => {
    const ids = [
      await registered('cli-two', json({}), { name: 'x' }),
      await registered('cli-two', json({}), { name: 'y' }),
    ];
    const { status, out, err } = await mmm(['drain', 'cli-two']);
    expect([status, out]).toEqual([1, '']);
    for (const id of ids) expect(err).toContain(id);
    expect((await mmm(['drain', 'cli-two/y'])).status).toBe(0);
  });

  it('writes an answer as it comes, and fails where it breaks off', async () => {
    const events = [
      '{"choices":[{"delta":{"content":"one "}}]}',
      '{"choices":[{"delta":{"content":"two"}}]}',
    ];
    await registered(
      'cli-cut',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const event of events) response.write(`data: ${event}\n\n`);
        setTimeout(() => response.destroy(), 50);
      },
      { protocol: 'openai', body: undefined, response_extract: undefined },
    );
    const { status, out, err } = await mmm(['chat', 'cli-cut', 'count']);
    expect([status, out]).toEqual([1, 'one two\n']);
    expect(err).not.toBe('');
  });

  it('makes a key that works, rotates and revokes it', async () => {
    const options = ['--role', 'viewer', '--act-for', 'ads, search', '--expires', '30d'];
    const made = await mmm(['keys', 'create', '--name', 'cli key', ...options]);
    const { key, may_act_for: teams } = JSON.parse(made.out) as { key: string; may_act_for: string[] };
    expect(teams).toEqual(['ads', 'search']);
    expect((await mmm(['workers'], { env: { MMM_KEY: key } })).status).toBe(0);
    const denied = await mmm(['disable', 'cli-a'], { env: { MMM_KEY: key } });
    expect([denied.status, denied.out, denied.err]).toEqual([
      1,
      '',
      expect.stringContaining('these roles may'),
    ]);
    const { key: next } = JSON.parse((await mmm(['keys', 'rotate', 'cli key'])).out) as { key: string };
    expect((await mmm(['workers'], { env: { MMM_KEY: next } })).status).toBe(0);
    expect((await mmm(['keys', 'revoke', 'cli key'])).status).toBe(0);
    const names = (JSON.parse((await mmm(['keys', 'list'])).out) as { name: string }[]).map(
      ({ name }) => name,
    );
    expect(names).not.toContain('cli key');
    const revoked = await mmm(['workers'], { env: { MMM_KEY: next } });
    expect([revoked.status, revoked.out, revoked.err]).toEqual([1, '', expect.stringContaining('revoked')]);
  });

  it.each([
    ['an unknown command', ['nosuch'], {}, 2, 'unknown command'],
    ['a missing option', ['register'], {}, 2, '--file'],
    [
      'a span that is none',
      ['keys', 'create', '--name', 'n', '--role', 'viewer', '--expires', 'soon'],
      {},
      2,
      '30d',
    ],
    ['a role that is none', ['keys', 'create', '--name', 'n', '--role', 'boss'], {}, 1, 'role'],
    ['an unknown worker', ['drain', 'nope'], {}, 1, '"nope"'],
    ['an unknown model', ['chat', 'nope', 'hi'], {}, 1, 'nope'],
    ['a file that is missing', ['register', '-f', '/nonexistent'], {}, 1, '/nonexistent'],
    ['a wrong address', ['workers'], { MMM_URL: 'nonsense' }, 2, 'MMM_URL'],
    ['an address without a service', ['workers'], { MMM_URL: 'http://127.0.0.1:9' }, 1, 'does not answer'],
    ['no key', ['workers'], { MMM_KEY: '' }, 1, 'MMM_KEY'],
  ])(
    'says in words what is wrong with %s, and writes nothing else',
    async (_what, args, env, status, words) => {
      const ended = await mmm(args, { env });
      expect(ended).toEqual({ status, out: '', err: expect.stringContaining(words) });
    },
  );

  it('has help for each command, and a version', async () => {
    expect((await mmm(['--help'])).out).toContain('MMM_URL');
    expect((await mmm(['keys', 'create', '--help'])).out).toContain('--expires');
    expect((await mmm(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('writes a line of JSON for each change while it watches in a pipe, and ends with SIGINT', async () => {
    const id = await registered('cli-watch');
    const child = spawn('node', [MMM, 'watch', '--model', 'cli-watch'], { env: environment() });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines: { id: string; state: string }[] = [];
    createInterface(child.stdout).on('line', (line) =>
      lines.push(JSON.parse(line) as (typeof lines)[number]),
    );
    await until(() => lines.length > 0);
    await service.post(`/api/v1/workers/${id}/disable`, {}, ROOT);
    await until(() => lines.at(-1)?.state === 'disabled');
    expect(lines.every((line) => line.id === id)).toBe(true);
    child.kill('SIGINT');
    expect(await new Promise((end) => child.once('exit', end))).toBe(0);
  });

  it('shows tables and sentences on a terminal', async () => {
    const id = await registered('cli-shown', json({ answer: 'fine' }), { name: 'gpu-1' });
    expect(await outputOf(onTerminal(['disable', 'cli-shown']))).toBe('cli-shown/gpu-1 is disabled\n');
    const shown = await outputOf(onTerminal(['workers', '--model', 'cli-shown']));
    expect(shown).toMatch(/^MODEL +WORKER +STATE +FOR +RUNNING +WHY +ID\n/);
    expect(shown).toMatch(new RegExp(`cli-shown +gpu-1 +disabled +\\d+ s +0 +by root +${id}`));
  });
});
