import { format, resolveConfig } from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FakeUpstream } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { CHAT, COMPLETIONS, NATIVE } from './clients/chat.js';
import { type ChatClient, openAiError } from './clients/client.js';
import { MESSAGES } from './clients/messages.js';
import { RESPONSES } from './clients/responses.js';
import { type AskIn, eventsIn, FAILS, played, PLAYS, Refused } from './features.js';
import { type Fields, fieldsIn, objectsIn, PROMPTS, REFUSAL, USAGE } from './model.js';
import { type Row, ROWS, type Task } from './rows.js';
import { startServer } from './server.js';

const CHAT_CLIENTS = {
  'native (`input`)': NATIVE,
  'chat completions': CHAT,
  completions: COMPLETIONS,
  responses: RESPONSES,
  messages: MESSAGES,
} as const satisfies Readonly<Record<string, ChatClient>>;

const FILE = 'docs/compatibility.md';
/** About 3,000 requests, on a busy machine. */
const LONGEST_MS = 120_000;
const TASKS: readonly Task[] = ['chat', 'embedding', 'image'];
const FEATURES = [...Object.keys(PLAYS), 'cancel'];
const NOT_APPLICABLE = '–';

interface Stage {
  readonly row: Row;
  readonly server: FakeUpstream;
  /** The tasks that a worker was registered for. */
  readonly models: ReadonlyMap<Task, string>;
}

let service: TestService;
let stages: readonly Stage[] = [];
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  stages = await Promise.all(ROWS.map(stageOf));
});
afterAll(async () => {
  await Promise.all(stages.map(({ server }) => server.close()));
  service.app.getHttpServer().closeAllConnections();
  await service.stop();
});

async function stageOf(row: Row, at: number): Promise<Stage> {
  const server = await startServer(row);
  const models = new Map<Task, string>();
  for (const task of TASKS) {
    const worker = row.worker(server.url, task);
    if (worker === null) continue;
    const model = `row-${at}/${task}`;
    const answer = await service.register({ model_name: model, health_check: { kind: 'none' }, ...worker });
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    models.set(task, model);
  }
  return { row, server, models };
}

/** One cell: whole and streamed, where both exist. */
async function cellOf(stage: Stage, client: ChatClient, feature: string): Promise<string> {
  const model = stage.models.get('chat') ?? '';
  if (!client.has.has(feature)) return NOT_APPLICABLE;
  if (feature === 'cancel') return played(() => cancelled(stage.server, client, model));
  const play = PLAYS[feature];
  if (play === undefined) throw new Error(`no play of ${feature}`);
  const runs = feature === 'stream' ? [true] : [false, true];
  const cells: string[] = [];
  for (const stream of runs)
    cells.push(await played(() => play(askIn(client, model, stream), client, stream)));
  const [whole = '', streamed = whole] = cells;
  if (whole.startsWith(FAILS) && streamed.startsWith(FAILS)) return whole;
  return whole === streamed ? whole : `${whole}; streamed: ${streamed}`;
}

function askIn(client: ChatClient, model: string, stream: boolean): AskIn {
  return async (ask) => {
    const body = client.body({ ...ask, model, stream });
    const { status, text, json, headers } = await service.post(client.path, body, { ...client.headers });
    if (status !== 200) throw new Refused(status, client.error(fieldsIn(json)));
    const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (isStream !== stream) throw new Refused(status, 'neither whole nor streamed, as it was wanted');
    return stream ? client.stream(eventsIn(text)) : client.whole(fieldsIn(json));
  };
}

/** The client leaves in the middle of a stream, and the server sees it. */
async function cancelled(server: FakeUpstream, client: ChatClient, model: string): Promise<string | null> {
  const before = server.aborted;
  const leaving = new AbortController();
  const response = await fetch(service.url + client.path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...client.headers },
    body: JSON.stringify(client.body({ model, prompt: PROMPTS.slow, stream: true })),
    signal: leaving.signal,
  });
  if (response.status !== 200)
    throw new Refused(response.status, client.error(fieldsIn(await response.json())));
  await response.body?.getReader().read();
  leaving.abort();
  const left = until(() => server.aborted > before);
  return left.then(
    () => null,
    () => 'the server goes on',
  );
}

/** Of the endpoints with one answer. */
const LISTS = {
  embeddings: { path: '/v1/embeddings', task: 'embedding', input: 'input' },
  images: { path: '/v1/images/generations', task: 'image', input: 'prompt' },
} as const;

async function listCellOf({ models }: Stage, name: keyof typeof LISTS, feature: string): Promise<string> {
  const { path, task, input } = LISTS[name];
  const has = name === 'embeddings' ? ['text', 'usage', 'errors'] : ['text', 'errors'];
  if (!has.includes(feature)) return NOT_APPLICABLE;
  const model = models.get(task) ?? models.get('chat') ?? '';
  return played(async () => {
    const prompt = feature === 'errors' ? PROMPTS.fail : PROMPTS.text;
    const { status, json } = await service.post(path, { model, [input]: prompt });
    const answer = fieldsIn(json);
    const words = openAiError(answer);
    const isRefused = status === 400 && words.includes(REFUSAL);
    if (feature === 'errors' && isRefused) return null;
    if (status !== 200) throw new Refused(status, words);
    const usage = fieldsIn(answer['usage']);
    if (feature === 'usage') return usage['prompt_tokens'] === USAGE.input ? null : 'other counts';
    return feature === 'text' && objectsIn(answer['data']).length === 1 ? null : 'another answer';
  });
}

const HEAD = `# What works with what

Each cell is what a test saw (\`test/compatibility/\`): a client of the API in the title played the feature against a worker of the
row, whole and streamed, whose server refuses what the real one refuses. \`works\`: the meaning arrived, and the answer came
back. \`400 field\`: the request is refused before any call, and the answer names the field (\`model\`: the worker does another
task). \`${NOT_APPLICABLE}\`: the API has no such feature. Errors work where the client gets the server's words in the envelope of its own API.

\`npx vitest run --project e2e test/compatibility --update\` writes this page anew.
`;

function table(name: string, cells: readonly Fields[]): string {
  const line = (fields: readonly unknown[]): string => `| ${fields.join(' | ')} |`;
  const columns = FEATURES.filter((feature) => cells.some((row) => row[feature] !== NOT_APPLICABLE));
  return [
    `## ${name}`,
    '',
    line(['worker', ...columns]),
    line(['---', ...columns.map(() => '---')]),
    ...cells.map((row) => line([row['worker'], ...columns.map((column) => row[column])])),
    '',
  ].join('\n');
}

async function rowOf(stage: Stage, cell: (feature: string) => Promise<string>): Promise<Fields> {
  const cells: Record<string, string> = { worker: stage.row.name };
  for (const feature of FEATURES) cells[feature] = await cell(feature);
  return cells;
}

describe('Each client API, with each kind of worker and each feature,', () => {
  it(
    `does what ${FILE} says`,
    async () => {
      const tables: string[] = [];
      for (const [name, client] of Object.entries(CHAT_CLIENTS)) {
        const rows = stages.map((stage) => rowOf(stage, (feature) => cellOf(stage, client, feature)));
        tables.push(table(name, await Promise.all(rows)));
      }
      for (const name of Object.keys(LISTS) as (keyof typeof LISTS)[]) {
        const rows = stages.map((stage) => rowOf(stage, (feature) => listCellOf(stage, name, feature)));
        tables.push(table(name, await Promise.all(rows)));
      }
      const page = [HEAD, ...tables].join('\n');
      const shown = await format(page, { ...(await resolveConfig(FILE)), parser: 'markdown' });
      expect(page.split('\n').filter((line) => line.includes(FAILS))).toEqual([]);
      await expect(shown).toMatchFileSnapshot(`../../${FILE}`);
    },
    LONGEST_MS,
  );
});
