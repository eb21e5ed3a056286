import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { StandIn } from '../fakes/long-work/stand-in.js';
import { VENDORS } from '../fakes/long-work/vendors.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { call } from './client.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

interface Step {
  readonly step: string;
  readonly request: {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: string | null;
  } | null;
  readonly response?: { status: number; body: string };
  readonly reading?: Readonly<Record<string, unknown>>;
  readonly problem?: string;
}
interface DryRun {
  readonly warning?: string;
  readonly problem?: string;
  readonly request: Step['request'];
  readonly steps: readonly Step[];
}

async function dryRun(worker: object, more: object = {}): Promise<DryRun & { readonly text: string }> {
  const answer = await call(service, 'POST', '/dry-run', { worker, prompt: 'a cat', ...more });
  expect([answer.status, answer.text]).toEqual([200, expect.anything()]);
  return { ...(answer.json as DryRun), text: answer.text };
}

async function standInOf(name: string): Promise<StandIn> {
  const vendor = VENDORS[name];
  if (vendor === undefined) throw new Error(`no stand-in ${name}`);
  const standIn = await StandIn.start(vendor, name);
  onTestFinished(() => standIn.close());
  return standIn;
}
const registered = (
  preset: string,
  standIn: { url: string; key: string },
  poll: object = { interval_ms: 500 },
) => ({
  model_name: 'slow',
  preset,
  base_url: standIn.url,
  api_key: standIn.key,
  poll,
});
const NOWHERE = { url: 'http://127.0.0.1:9', key: 'sk-of-a-dry-run' };
const urls = ({ steps }: DryRun) => steps.map(({ step, request }) => [step, request?.method, request?.url]);

describe('a dry run of long work', () => {
  it('shows every step without calling anything, and what is not known by its name', async () => {
    const run = await dryRun(registered('runway', NOWHERE));
    expect(urls(run)).toEqual([
      ['submit', 'POST', 'http://127.0.0.1:9/v1/text_to_video'],
      ['status', 'GET', 'http://127.0.0.1:9/v1/tasks/‹TASK_ID›'],
      ['cancel', 'DELETE', 'http://127.0.0.1:9/v1/tasks/‹TASK_ID›'],
    ]);
    expect([run.warning, run.problem, run.request]).toEqual([undefined, undefined, run.steps[0]?.request]);
    expect(JSON.parse(run.request?.body ?? '')).toMatchObject({
      promptText: 'a cat',
      ratio: '1280:720',
      duration: 5,
    });
    expect(run.text).not.toContain(NOWHERE.key);
  });

  it('shows URLs that the upstream gives, and the request for a result', async () => {
    const fal = await dryRun({ ...registered('fal', NOWHERE), upstream_model: 'fal-ai/flux/dev' });
    expect(urls(fal).slice(1)).toEqual([
      ['status', 'GET', '‹STATUS_URL›'],
      ['result', 'GET', '‹RESPONSE_URL›'],
      ['cancel', 'PUT', '‹CANCEL_URL›'],
    ]);
    const { steps } = await dryRun({ ...registered('comfyui', NOWHERE), api_key: undefined });
    expect(steps.find(({ step }) => step === 'result')?.request?.url).toBe(
      'http://127.0.0.1:9/view?filename=‹FILENAME›&subfolder=‹SUBFOLDER›&type=‹TYPE›',
    );
  });

  it("hides the credentials of its steps, as it hides the worker's own", async () => {
    const secret = 'sk-secret-of-a-step';
    const run = await dryRun(
      registered('runway', NOWHERE, {
        status: { url: '/v1/tasks/{TASK_ID}', header: { 'X-Step-Key': secret, 'x-task': '{TASK_ID}' } },
      }),
    );
    expect(run.steps[1]?.request?.headers).toMatchObject({ 'X-Step-Key': '[hidden]', 'x-task': '‹TASK_ID›' });
    expect(run.text).not.toContain(secret);
  });

  it('reads answers that the client gives, and calls nothing', async () => {
    const answers = {
      submit: { id: 'task/1' },
      status: [
        { status: 'PENDING' },
        { status: 'RUNNING', progress: 0.5 },
        { status: 'ODD' },
        { status: 'SUCCEEDED', output: ['https://cdn.example.com/a.mp4'] },
      ],
    };
    const run = await dryRun(registered('runway', NOWHERE), { answers, call: true });
    expect(run.steps.map(({ step, request, reading }) => [step, request?.url.slice(18), reading])).toEqual([
      ['submit', '/v1/text_to_video', { kind: 'accepted', kept: { TASK_ID: 'task/1' } }],
      [
        'status',
        '/v1/tasks/task%2F1',
        { kind: 'queued', word: 'PENDING', progress: null, queuePosition: null, note: '' },
      ],
      [
        'status',
        '/v1/tasks/task%2F1',
        { kind: 'running', word: 'RUNNING', progress: 50, queuePosition: null, note: '' },
      ],
      [
        'status',
        '/v1/tasks/task%2F1',
        expect.objectContaining({
          kind: 'running',
          note: 'the upstream reports "ODD", a state that the definition does not list',
        }),
      ],
      ['status', '/v1/tasks/task%2F1', { kind: 'done', word: 'SUCCEEDED' }],
      [
        'result',
        undefined,
        { kind: 'files', files: [{ kind: 'url', url: 'https://cdn.example.com/a.mp4' }] },
      ],
    ]);
    expect(run.warning).toBeUndefined();
  });

  it('reads the answer of a result alone, and says what a refused submit says', async () => {
    const result = await dryRun(registered('minimax-v1', NOWHERE), {
      answers: { result: { file: { download_url: 'https://cdn.example.com/a.mp4' } } },
    });
    expect(result.steps.at(-1)).toMatchObject({ step: 'result', reading: { kind: 'files' } });
    const refused = await dryRun(registered('runway', NOWHERE), {
      answers: { submit: { error: 'no credits' }, status: {} },
    });
    expect(refused.steps.map(({ reading }) => reading)).toEqual([{ kind: 'refused', message: 'no credits' }]);
  });

  it.each<[string, object, object]>([
    ['kept value', { submit: { task_id: 'x' } }, { step: 'submit', path_steps: [], keys: ['task_id'] }],
    [
      'state',
      { submit: { id: 'x' }, status: { state: 'PENDING' } },
      { step: 'status', path_steps: [], found: 'an object', keys: ['state'] },
    ],
    [
      'file',
      { submit: { id: 'x' }, status: { status: 'SUCCEEDED', output: [] } },
      { step: 'result', path_steps: ['output'], found: 'an empty list' },
    ],
    [
      'file under this name',
      { submit: { id: 'x' }, status: { status: 'SUCCEEDED', outputs: ['https://cdn.example.com/a.mp4'] } },
      { step: 'result', path_steps: [], keys: ['status', 'outputs'] },
    ],
  ])('shows how far a path leads in an answer without its %s', async (_what, answers, shown) => {
    const { steps } = await dryRun(registered('runway', NOWHERE), { answers });
    expect(steps.at(-1)).toMatchObject(shown);
    // Only where something is missing.
    expect(steps.slice(0, -1).every((step) => !('path_steps' in step))).toBe(true);
  });

  it('with call follows a real task to its files, and warns that it may cost money', async () => {
    const standIn = await standInOf('runway');
    const run = await dryRun(registered('runway', standIn), { call: true });
    expect(run.warning).toBe('A task was submitted to the worker, which may cost money.');
    expect(run.text.indexOf('warning')).toBeLessThan(run.text.indexOf('request'));
    expect(run.steps.map(({ step, reading }) => [step, reading?.['kind'], reading?.['progress']])).toEqual([
      ['submit', 'accepted', undefined],
      ['status', 'queued', null],
      ['status', 'running', 30],
      ['status', 'running', 60],
      ['status', 'done', undefined],
      ['result', 'files', undefined],
    ]);
    expect([run.problem, standIn.faults, run.text.includes(standIn.key)]).toEqual([undefined, [], false]);
  });

  it('with call fetches files without showing their bytes', async () => {
    const standIn = await standInOf('comfyui');
    const run = await dryRun(
      { ...registered('comfyui', standIn), api_key: undefined, upstream_model: 'sd_xl_base_1.0.safetensors' },
      { call: true, media: { size: '64x64', n: 2 } },
    );
    const results = run.steps.filter(({ step }) => step === 'result');
    expect(
      results.map(({ response, reading }) => [
        response?.status,
        response?.body,
        reading?.['kind'],
        reading?.['type'],
      ]),
    ).toEqual([
      [200, '', 'bytes', 'image/png'],
      [200, '', 'bytes', 'image/png'],
    ]);
    expect(standIn.faults).toEqual([]);
  });

  it('with call shows a failure in the words of the upstream', async () => {
    const standIn = await standInOf('runway');
    const run = await dryRun(registered('runway', standIn), { call: true, prompt: 'a cat [fail]' });
    expect(run.steps.at(-1)).toMatchObject({
      step: 'status',
      reading: { kind: 'failed', word: 'FAILED', message: expect.stringContaining('no GPU left') as string },
    });
  });

  it(
    'with call cancels a task that still runs after 30 s, unless it is to be kept',
    { timeout: 60_000 },
    async () => {
      const [cancelled, kept] = await Promise.all([standInOf('runway'), standInOf('runway')]);
      const prompt = 'a cat [held]';
      const [one, other] = await Promise.all([
        dryRun(registered('runway', cancelled, { interval_ms: 4000 }), { call: true, prompt }),
        dryRun(registered('runway', kept, { interval_ms: 4000 }), { call: true, keep: true, prompt }),
      ]);
      expect(one.problem).toBe('the task had not ended after 30 s; it was cancelled');
      expect(one.steps.at(-1)).toMatchObject({ step: 'cancel', request: { method: 'DELETE' } });
      expect(cancelled.taskOf('held')?.isCancelled).toBe(true);
      expect(other.problem).toBe('the task had not ended after 30 s; it was not cancelled');
      expect(kept.taskOf('held')?.isCancelled).toBe(false);
    },
  );

  it("names the client's field that the worker cannot say, before anything is called", async () => {
    const run = await dryRun(registered('runway', NOWHERE), { call: true, media: { n: 2 } });
    expect(run).toMatchObject({ request: null, problem: 'n: must be 1: this worker returns one answer' });
  });

  it('stores nothing', async () => {
    const jobs = await service.database.query<{ count: string }>('SELECT count(*) FROM job');
    expect([await service.database.query('SELECT id FROM worker'), jobs[0]?.count]).toEqual([[], '0']);
  });
});
