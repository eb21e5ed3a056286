import { readdirSync, readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { presetFixture } from '../../../test/fixtures/presets/fixture.js';
import type { Usage } from '../../inference/chat/chat.js';
import { anthropicAnswer } from '../../inference/apis/anthropic/backend-response.js';
import { API_ADAPTERS } from '../../inference/apis/api-adapters.js';
import { geminiAnswer } from '../../inference/apis/gemini/backend-response.js';
import { openAiAnswer } from '../../inference/apis/openai/backend-response.js';
import { openAiReader } from '../../inference/apis/openai/backend-stream.js';
import type { PlaceholderValues } from '../../template/placeholders.js';
import { definitionOf } from '../worker-fields.js';
import { readRegistration } from '../registration/read-registration.js';
import type { WorkerCall } from '../worker.js';
import { compileCall } from '../calls/worker-compiler.js';
import type { Preset } from './preset.js';
import { presetView } from './presets.controller.js';
import { expandPreset, PRESETS } from './presets.js';

const presets = Object.entries(PRESETS);
const templates = presets.filter(([, { protocol }]) => protocol === 'template');
const failing = templates.filter(([name]) => presetFixture(name).failure !== undefined);
const openAis = presets.filter(([, { protocol }]) => protocol === 'openai');
const streaming = openAis.filter(([name]) => presetFixture(name).stream !== undefined);
const waits = {
  requestTimeoutMs: 600_000,
  connectTimeoutMs: 2000,
  firstByteTimeoutMs: 300_000,
  idleTimeoutMs: 120_000,
  streamHeartbeatMs: 15_000,
  defaultModel: null,
};

/** The whole way of a registration, without the database. */
function compiled(name: string, { example }: Preset): WorkerCall {
  const registration = readRegistration({ preset: name, ...example });
  return compileCall(
    definitionOf(registration, {}),
    registration.header ?? {},
    (secret) => `<${secret}>`,
    waits,
  );
}

function compiledTemplate(name: string, preset: Preset) {
  const call = compiled(name, preset);
  if (call.kind === 'template') return call;
  throw new Error(`${name} is not a template`);
}

/** The URL of a chat. */
function placeOf(name: string, preset: Preset): string {
  const call = compiled(name, preset);
  if (call.kind === 'template') return call.origin + call.render(request, {}).path;
  const { path } = API_ADAPTERS[call.protocol].request(
    { model: preset.example.model_name, messages: [{ role: 'user', content: 'hi' }] },
    false,
  );
  const sent = { method: 'POST', path, body: '', contentType: 'application/json', isStream: false } as const;
  return call.origin + call.render(sent, {}).path;
}

const request: PlaceholderValues = {
  USER_PROMPT: 'a cat, "sitting"',
  MESSAGES: [{ role: 'user', content: 'a cat, "sitting"' }],
  MODEL_NAME: 'm',
  MODEL_TEMPERATURE: 0.7,
  HISTORY: [['hi', 'hello']],
  REQUEST_ID: 'req-1',
};

describe.each(presets)('the preset %s', (name, preset) => {
  const view = presetView(name, preset);

  it('makes a registration that compiles from at most five fields', () => {
    expect(Object.keys(view.example).length).toBeLessThanOrEqual(5);
    expect(compiled(name, preset)).toMatchObject({
      kind: preset.protocol === 'template' ? 'template' : 'api',
      origin: new URL(preset.example.base_url ?? preset.baseUrl ?? '').origin,
    });
  });

  it('requires the fields of its example and no more', () => {
    const required = view.fields.filter((field) => field.required).map((field) => field.name);
    expect(Object.keys(view.example)).toEqual(expect.arrayContaining(required));
    const written = Object.entries(view.example);
    for (const field of required.filter((each) => each !== 'model_name')) {
      const others = Object.fromEntries(written.filter(([each]) => each !== field));
      expect(expandPreset(others).faults).toMatchObject([
        { field, problem: expect.stringContaining('is missing') as string },
      ]);
    }
    const enough = written.filter(([field]) => field === 'preset' || required.includes(field));
    expect(expandPreset(Object.fromEntries(enough)).faults).toEqual([]);
  });

  it('calls the documented endpoint', () => {
    const { endpoint } = presetFixture(name);
    const [called, documented] = [new URL(placeOf(name, preset)), new URL(endpoint)];
    expect(called.pathname).toBe(documented.pathname);
    expect(called.port).toBe(documented.port);
    // A server of one's own has any origin.
    expect(called.origin).toBe(preset.baseUrl === undefined ? called.origin : documented.origin);
  });

  it('names the documents of its API and of its fixture', () => {
    expect(preset.source).toMatch(/^https:\/\//);
    expect(presetFixture(name).source).toMatch(/^https:\/\//);
  });
});

describe.each(templates)('a worker by the preset %s', (name, preset) => {
  it('extracts the text of the documented answer', () => {
    const { answer, text } = presetFixture(name);
    expect(compiledTemplate(name, preset).extract({ text: JSON.stringify(answer) })).toBe(text);
  });

  it('sends the prompt unchanged', () => {
    const { method, body, path } = compiledTemplate(name, preset).render(request, {});
    expect(method).toBe('POST');
    expect(path).toMatch(/^\/[\w/]*$/);
    expect(String(body)).toContain(JSON.stringify(request.USER_PROMPT));
  });
});

it.each(failing)(
  'a worker by the preset %s takes an answer that reports a failure for one',
  (name, preset) => {
    const text = JSON.stringify(presetFixture(name).failure);
    expect(() => compiledTemplate(name, preset).extract({ text })).toThrow('success');
  },
);

describe.each(openAis)('the API of the preset %s', (name) => {
  it('has a documented answer that the openai adapter reads', () => {
    const { answer, text, finish, usage } = presetFixture(name);
    const read = openAiAnswer(JSON.stringify(answer));
    expect(read).toMatchObject({ text, finish });
    expect(countsOf(read.usage)).toEqual(usage);
  });
});

describe.each(streaming)('the API of the preset %s', (name) => {
  it('has a documented stream that the openai adapter reads to its one end', () => {
    const { events = [], text, finish, usage } = presetFixture(name).stream ?? {};
    const reader = openAiReader();
    const read = events.flatMap((event) => {
      const [, data] = /^data: ?(.*)$/.exec(event) ?? [];
      return data === undefined ? [] : reader({ data });
    });
    expect(read.map((event) => (event.kind === 'text' ? event.text : '')).join('')).toBe(text);
    expect(read.flatMap((event) => (event.kind === 'finish' ? [event.reason] : []))).toEqual([finish]);
    const counted = read.flatMap((event) => (event.kind === 'usage' ? [countsOf(event.usage)] : []));
    expect(counted.at(-1) ?? null).toEqual(usage);
  });
});

it('the anthropic adapter reads the documented answer of its preset', () => {
  const { answer, text, finish, usage } = presetFixture('anthropic');
  expect(anthropicAnswer(answer)).toMatchObject({ text, finish, usage });
});

it('the gemini adapter reads the documented answer of its preset', () => {
  const { answer, text, finish, usage } = presetFixture('gemini');
  expect(geminiAnswer(answer)).toMatchObject({ text, finish, usage });
});

it('every preset has a fixture, and every fixture a preset', () => {
  const files = readdirSync('test/fixtures/presets').filter((file) => file.endsWith('.json'));
  expect(files.map((file) => file.replace(/\.json$/, '')).toSorted()).toEqual(
    Object.keys(PRESETS).toSorted(),
  );
});

function countsOf(usage: Usage | null) {
  return usage === null ? null : { input: usage.input, output: usage.output };
}

describe('docs/presets.md', () => {
  it('lists every preset (npm test -- --update rewrites the table)', async () => {
    const page = readFileSync('docs/presets.md', 'utf8');
    const rows = presets.map(([name, preset]) => {
      const { fields } = presetView(name, preset);
      const required = fields.filter((field) => field.required).map((field) => `\`${field.name}\``);
      return `| \`${name}\` | ${preset.title} | ${preset.kind} | ${preset.protocol} | ${required.join(', ')} |`;
    });
    const table = ['| preset | system | kind | protocol | you give |', '|---|---|---|---|---|', ...rows].join(
      '\n',
    );
    const shown = page.replace(/(?<=<!-- presets -->)[^]*?(?=<!-- \/presets -->)/, () => `\n\n${table}\n\n`);
    expect(shown).toContain(table);
    const options = { ...(await resolveConfig('docs/presets.md')), parser: 'markdown' };
    await expect(await format(shown, options)).toMatchFileSnapshot('../../../docs/presets.md');
  });
});
