import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyText, hundreds } from '../../../test/arbitraries/template.js';
import { expandPreset, PRESETS } from './presets.js';

const presetName = fc.constantFrom(...Object.keys(PRESETS));
const ollama = { preset: 'ollama', model_name: 'llama3', base_url: 'http://10.0.0.7:11434' };
const openai = { preset: 'openai', model_name: 'gpt', api_key: 'sk-1' };

/** The registration of a preset without faults. */
function expanded(sent: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { registration, faults } = expandPreset(sent);
  expect(faults).toEqual([]);
  return registration;
}

describe('a registration by preset', () => {
  it('has faults only in the fields of presets, whatever is sent', () => {
    const anything = fc.oneof(anyText, fc.jsonValue(), fc.webUrl());
    const sent = fc.record(
      { preset: fc.oneof(presetName, anything), base_url: anything, api_key: anything, header: anything },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(sent, (each) => {
        const { registration, faults } = expandPreset(each);
        expect(['preset', 'base_url', 'api_key', 'upstream_model']).toEqual(
          expect.arrayContaining(faults.map(({ field }) => field)),
        );
        expect(registration).not.toHaveProperty('preset');
      }),
      hundreds,
    );
  });

  it('keeps neither a placeholder of the preset nor its fields', () => {
    fc.assert(
      fc.property(presetName, anyText, (preset, text) => {
        const api_key =
          PRESETS[preset]?.apiKey === 'none' ? undefined : `k${text.replace(/[{}\p{Cc}]/gu, '')}`;
        const made = expanded({ preset, model_name: 'o/m', base_url: 'http://h:1/', api_key });
        expect(JSON.stringify(made)).not.toMatch(/\{(BASE_URL|API_KEY)\}/);
        expect(made).not.toHaveProperty('preset');
        expect(made).not.toHaveProperty('base_url');
        expect(made).not.toHaveProperty('api_key');
      }),
    );
  });

  it('keeps every field that the client sent', () => {
    fc.assert(
      fc.property(presetName, fc.dictionary(fc.string(), fc.jsonValue()), (preset, more) => {
        const { header: _header, body: _body, health_check: _check, timeouts: _timeouts, ...plain } = more;
        const own = Object.entries(plain).filter(([key]) => !['preset', 'base_url', 'api_key'].includes(key));
        const sent = { ...Object.fromEntries(own), header: {} };
        expect(expanded({ preset, model_name: 'o/m', base_url: 'http://h', ...sent })).toMatchObject(
          Object.fromEntries(own),
        );
      }),
    );
  });

  it('stays the same object without a preset', () => {
    const sent = { model_name: 'm', base_url: 'http://h' };
    expect(expanded(sent)).toBe(sent);
  });

  it('fills in the fields that the contract names', () => {
    expect(expanded(ollama)).toEqual({
      model_name: 'llama3',
      protocol: 'openai',
      profile: { vendor: 'ollama' },
      req_url_template: 'http://10.0.0.7:11434/v1',
      health_check: { path: '/api/version' },
      max_concurrency: 1,
    });
  });

  it.each([
    ['http://h:1', 'http://h:1/v1'],
    ['http://h:1/', 'http://h:1/v1'],
    ['http://h:1/v1', 'http://h:1/v1'],
    ['http://h:1/v1/', 'http://h:1/v1'],
    ['http://h:1/gpu/2', 'http://h:1/gpu/2/v1'],
    ['http://h:1?zone=a', 'http://h:1/v1?zone=a'],
  ])('finds the API below the base URL %s', (base_url, url) => {
    expect(expanded({ ...ollama, base_url })).toMatchObject({ req_url_template: url });
  });

  it.each([
    ['http://h:1', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/chat', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/chat/completions', 'http://h:1/v1/chat/completions'],
    ['http://h:1/my-v1', 'http://h:1/my-v1/v1/chat/completions'],
    ['http://h:1/chat', 'http://h:1/chat/v1/chat/completions'],
  ])('completes the base URL %s to the URL of the call', (base_url, url) => {
    const sent = { preset: 'baichuan-server', model_name: 'm', base_url };
    expect(expanded(sent)).toMatchObject({ req_url_template: url });
  });

  it.each([['sk-1'], ['${secret:KEY}'], ['$& $1'], ['a${secret:A}b']])(
    'puts the key %s into the header of the preset',
    (api_key) => {
      expect(expanded({ ...openai, api_key })).toMatchObject({
        header: { authorization: `Bearer ${api_key}` },
      });
    },
  );

  it('merges objects member by member, and header names in any case', () => {
    const image = { preset: 'stable-diffusion-webui', model_name: 'sd', base_url: 'http://h' };
    expect(expanded({ ...image, body: { steps: 30 } })).toMatchObject({
      body: { prompt: '{USER_PROMPT}', steps: 30, width: '{WIDTH}' },
    });
    const header = { 'X-Team': 'a', Authorization: 'Bearer mine' };
    expect(expanded({ ...openai, header })).toHaveProperty('header', header);
  });

  it.each<[object, string]>([
    [{ preset: 'olama' }, 'preset: must be one of openai, '],
    [{ preset: '__proto__' }, 'preset: must be one of openai, '],
    [
      { preset: 'ollama' },
      'base_url: must be the URL of the server, such as http://127.0.0.1:11434; it is missing',
    ],
    [{ ...ollama, base_url: 'h:1' }, 'base_url: must be an http or https URL without placeholders'],
    [{ ...ollama, base_url: 'http://{USER_PROMPT}' }, 'base_url: must be an http or https URL'],
    [{ ...ollama, base_url: ['http://h'] }, 'base_url: must be an http or https URL'],
    [
      { preset: 'openai' },
      'api_key: must be the key, or ${secret:NAME} to read it at each call; it is missing',
    ],
    [{ ...openai, api_key: '' }, 'api_key: must be the key as text'],
    [{ ...openai, api_key: 7 }, 'api_key: must be the key as text'],
    [{ ...openai, api_key: 'a{USER_PROMPT}' }, 'api_key: must be the key as text'],
    [{ ...openai, api_key: 'a\r\nb: c' }, 'api_key: must be the key as text'],
    [{ preset: 'chatglm', base_url: 'http://h', api_key: 'k' }, 'api_key: is not used by this server'],
    [
      { preset: 'replicate', model_name: 'flux', api_key: 'k' },
      "upstream_model: must be the model's name at Replicate, such as black-forest-labs/flux-schnell",
    ],
    [
      { preset: 'azure-openai' },
      'base_url: must be the URL of the server, such as https://my-resource.openai.azure.com; it is missing; api_key: must be the key',
    ],
  ])('has a fault for %j', (sent, problem) => {
    const { faults } = expandPreset(sent as Record<string, unknown>);
    expect(faults.map((fault) => `${fault.field}: ${fault.problem}`).join('; ')).toContain(problem);
  });
});
