import { existsSync, readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { anthropicAnswer } from '../../inference/protocols/anthropic/anthropic-answer.js';
import { geminiAnswer } from '../../inference/protocols/gemini/gemini-answer.js';
import { openAiAnswer } from '../../inference/protocols/openai-chat.js';
import { readDto } from '../../input/read-dto.js';
import type { PlaceholderValues } from '../../template/placeholders.js';
import { definitionOf } from '../registration/definition-of.js';
import { RegisterWorkerDto } from '../registration/register-worker.dto.js';
import type { WorkerCall } from '../worker.js';
import { compileCall } from '../calls/worker-call.js';
import { expandPreset } from './apply-preset.js';
import type { Preset } from './preset.js';
import { presetView } from './preset-view.js';
import { PRESETS } from './presets.js';

/** What an upstream answers, as documented there. */
interface Fixture {
  readonly source: string;
  readonly answer: unknown;
  readonly text: string;
  /** An answer with status 200 that says it failed. */
  readonly failure?: unknown;
}

const presets = Object.entries(PRESETS);
const templates = presets.filter(([, { protocol }]) => protocol === 'template');
const failing = templates.filter(([name]) => fixtureOf(name).failure !== undefined);
const waits = {
  requestTimeoutMs: 600_000,
  connectTimeoutMs: 2000,
  firstByteTimeoutMs: 300_000,
  idleTimeoutMs: 120_000,
  streamHeartbeatMs: 15_000,
  defaultModel: null,
};

/** Those that speak OpenAI's API answer as OpenAI does, unless a fixture of their own says how. */
function fixtureOf(name: string): Fixture {
  const own = `test/fixtures/presets/${name}.json`;
  const file = existsSync(own) ? own : `test/fixtures/presets/${PRESETS[name]?.protocol ?? ''}.json`;
  return JSON.parse(readFileSync(file, 'utf8')) as Fixture;
}

/** All the way a registration goes, but for the database. */
function compiled(name: string, { example }: Preset): WorkerCall {
  const { dto, faults } = readDto(RegisterWorkerDto, expandPreset({ preset: name, ...example }));
  expect(faults).toEqual([]);
  const registration = dto as RegisterWorkerDto;
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
  throw new Error(`${name} is no template`);
}

const request: PlaceholderValues = {
  USER_PROMPT: 'a cat, "sitting"',
  MODEL_NAME: 'm',
  MODEL_TEMPERATURE: 0.7,
  HISTORY: [['hi', 'hello']],
  REQUEST_ID: 'req-1',
};

describe.each(presets)('the preset %s', (name, preset) => {
  const view = presetView(name, preset);

  it('makes a registration that compiles, of a handful of fields', () => {
    expect(Object.keys(view.example).length).toBeLessThanOrEqual(5);
    expect(compiled(name, preset)).toMatchObject({
      kind: preset.protocol === 'template' ? 'template' : 'api',
      origin: new URL(preset.example.base_url ?? preset.baseUrl ?? '').origin,
    });
  });

  it('asks for the fields that its example holds, and for no more', () => {
    const required = view.fields.filter((field) => field.required).map((field) => field.name);
    expect(Object.keys(view.example)).toEqual(expect.arrayContaining(required));
    const written = Object.entries(view.example);
    for (const field of required.filter((each) => each !== 'model_name')) {
      const others = Object.fromEntries(written.filter(([each]) => each !== field));
      expect(() => expandPreset(others)).toThrow(`${field}: is missing`);
    }
    const enough = written.filter(([field]) => field === 'preset' || required.includes(field));
    expect(() => expandPreset(Object.fromEntries(enough))).not.toThrow();
  });

  it('says where its shapes and the answer it was tried with are documented', () => {
    expect(preset.source).toMatch(/^https:\/\//);
    expect(fixtureOf(name).source).toMatch(/^https:\/\//);
  });
});

describe.each(templates)('as the preset %s has it', (name, preset) => {
  it('the documented answer gives its text', () => {
    const { answer, text } = fixtureOf(name);
    expect(compiledTemplate(name, preset).extract({ text: JSON.stringify(answer) })).toBe(text);
  });

  it('the request carries what the caller asks, as it is', () => {
    const { method, body, path } = compiledTemplate(name, preset).render(request, {});
    expect(method).toBe('POST');
    expect(path).toMatch(/^\/[\w/]*$/);
    expect(Object.values(JSON.parse(String(body)) as object)).toContain(request.USER_PROMPT);
  });
});

it.each(failing)('as the preset %s has it, an answer that says it failed is a failure', (name, preset) => {
  const text = JSON.stringify(fixtureOf(name).failure);
  expect(() => compiledTemplate(name, preset).extract({ text })).toThrow('success');
});

it.each(presets.filter(([, { protocol }]) => protocol === 'openai'))(
  'as the preset %s has it, the documented answer is read by the protocol',
  (name) => {
    const { answer, text } = fixtureOf(name);
    expect(openAiAnswer(JSON.stringify(answer)).text).toBe(text);
  },
);

it('as the preset anthropic has it, the documented answer is read by the protocol', () => {
  const { answer, text } = fixtureOf('anthropic');
  expect(anthropicAnswer(answer)).toMatchObject({ text, finish: 'stop', usage: { input: 10, output: 30 } });
});

it('as the preset gemini has it, the documented answer is read by the protocol', () => {
  const { answer, text } = fixtureOf('gemini');
  expect(geminiAnswer(answer)).toMatchObject({ text, finish: 'stop', usage: { input: 8, output: 12 } });
});

describe('README.md', () => {
  it('shows every preset (npm test -- --update writes the table anew)', async () => {
    const readme = readFileSync('README.md', 'utf8');
    const rows = presets.map(([name, preset]) => {
      const { fields } = presetView(name, preset);
      const asked = fields.filter((field) => field.required).map((field) => `\`${field.name}\``);
      return `| \`${name}\` | ${preset.title} | ${preset.kind} | ${preset.protocol} | ${asked.join(', ')} |`;
    });
    const table = ['| preset | system | kind | protocol | you give |', '|---|---|---|---|---|', ...rows].join(
      '\n',
    );
    const shown = readme.replace(
      /(?<=<!-- presets -->)[^]*?(?=<!-- \/presets -->)/,
      () => `\n\n${table}\n\n`,
    );
    expect(shown).toContain(table);
    const options = { ...(await resolveConfig('README.md')), parser: 'markdown' };
    await expect(await format(shown, options)).toMatchFileSnapshot('../../../README.md');
  });
});
