import { readdirSync, readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { VENDORS } from '../../../test/fakes/long-work/vendors.js';
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
import { expandPreset, LONG_WORK_PRESETS, PRESETS } from './presets.js';

/** Those that answer at once; test/presets/played-long-work.e2e.spec.ts plays the others. */
const presets = Object.entries(PRESETS).filter(([name]) => !Object.hasOwn(LONG_WORK_PRESETS, name));
const longWork = Object.entries(LONG_WORK_PRESETS);
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
    () => (secret) => `<${secret}>`,
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
    call.profile,
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

describe.each([...presets, ...longWork])('the preset %s', (name, preset) => {
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
        { field, problem: expect.stringMatching(/is missing|, such as /) as string },
      ]);
    }
    const enough = written.filter(([field]) => field === 'preset' || required.includes(field));
    expect(expandPreset(Object.fromEntries(enough)).faults).toEqual([]);
  });
});

describe.each(longWork)('the preset %s for long work', (name, preset) => {
  it('makes every call a job', () => {
    expect(compiledTemplate(name, preset).poll).not.toBeNull();
  });

  it('says where and when its shapes were read, and what is not confirmed', () => {
    expect(preset.source).toMatch(/^https:\/\//);
    expect(preset.readOn).toMatch(/^2026-\d\d-\d\d$/);
    expect(preset.unconfirmed?.length).toBeGreaterThan(0);
  });

  it('leads every step to the server of the registration', () => {
    const { registration } = expandPreset({
      preset: name,
      ...preset.example,
      base_url: 'http://10.0.0.7:99/gpu',
    });
    const urls = textsIn(registration['poll']).filter((text) => text.includes('://'));
    const strangers = urls.filter((url) => !url.startsWith('http://10.0.0.7:99/gpu/'));
    expect(strangers).toEqual(preset.defaults.poll?.['origins'] ?? []);
  });
});

describe.each(presets)('the preset %s as documented', (name, preset) => {
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

it('every preset has a fixture or a stand-in, and the other way round', () => {
  const files = readdirSync('test/fixtures/presets').filter((file) => file.endsWith('.json'));
  const fixtures = files.map((file) => file.replace(/\.json$/, ''));
  expect(fixtures.toSorted()).toEqual(presets.map(([name]) => name).toSorted());
  expect(Object.keys(VENDORS).toSorted()).toEqual(Object.keys(LONG_WORK_PRESETS).toSorted());
});

function countsOf(usage: Usage | null) {
  return usage === null ? null : { input: usage.input, output: usage.output };
}

describe('docs/presets.md', () => {
  it('lists every preset (npm test -- --update rewrites the tables)', async () => {
    const page = readFileSync('docs/presets.md', 'utf8');
    const rows = Object.entries(PRESETS).map(([name, preset]) => {
      const { fields } = presetView(name, preset);
      const required = fields.filter((field) => field.required).map((field) => `\`${field.name}\``);
      return `| \`${name}\` | ${preset.title} | ${preset.kind} | ${preset.protocol} | ${required.join(', ')} |`;
    });
    const provenance = longWork.map(([name, { source, readOn = '', unconfirmed = [] }]) => {
      const { hostname } = new URL(source);
      return `- \`${name}\`: [${hostname}](${source}), read on ${readOn}. Not confirmed: ${unconfirmed.join(' ')}`;
    });
    const all = table('| preset | system | kind | protocol | you give |', rows);
    const shown = between(between(page, 'presets', all), 'provenance', provenance.join('\n'));
    expect(shown).toContain(all);
    expect(shown).toContain(provenance[0]);
    const options = { ...(await resolveConfig('docs/presets.md')), parser: 'markdown' };
    await expect(await format(shown, options)).toMatchFileSnapshot('../../../docs/presets.md');
  });
});

const table = (head: string, rows: readonly string[]): string =>
  [head, head.replaceAll(/[^|]+/g, '---'), ...rows].join('\n');

function between(page: string, mark: string, content: string): string {
  const pattern = new RegExp(`(?<=<!-- ${mark} -->)[^]*?(?=<!-- /${mark} -->)`);
  return page.replace(pattern, () => `\n\n${content}\n\n`);
}

/** All texts in a value. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap((each) => textsIn(each))
    : [];
}
