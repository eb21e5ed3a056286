import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../input/input-errors.js';
import { anyText, thousands } from '../../../test/arbitraries/template.js';
import { expandPreset } from './presets.js';
import { PRESETS } from './presets.js';

const presetName = fc.constantFrom(...Object.keys(PRESETS));
const ollama = { preset: 'ollama', model_name: 'llama3', base_url: 'http://10.0.0.7:11434' };
const openai = { preset: 'openai', model_name: 'gpt', api_key: 'sk-1' };

function outcome(sent: Readonly<Record<string, unknown>>): unknown {
  try {
    return expandPreset(sent);
  } catch (error) {
    return error;
  }
}

describe('a registration by preset', () => {
  it('is a registration or a fault of the fields that are its own, whatever is sent', () => {
    const anything = fc.oneof(anyText, fc.jsonValue(), fc.webUrl());
    const sent = fc.record(
      { preset: fc.oneof(presetName, anything), base_url: anything, api_key: anything, header: anything },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(sent, (each) => {
        const result = outcome(each);
        const fields = result instanceof InvalidInputError ? result.details.map(({ field }) => field) : [];
        expect(['preset', 'base_url', 'api_key']).toEqual(expect.arrayContaining(fields));
        expect(result).not.toSatisfy((made) => made instanceof Error && !(made instanceof InvalidInputError));
      }),
      thousands,
    );
  });

  it('keeps no stand-in, and nothing that only presets understand', () => {
    fc.assert(
      fc.property(presetName, anyText, (preset, text) => {
        const api_key =
          PRESETS[preset]?.apiKey === 'none' ? undefined : `k${text.replace(/[{}\p{Cc}]/gu, '')}`;
        const made = expandPreset({ preset, model_name: 'm', base_url: 'http://h:1/', api_key });
        expect(JSON.stringify(made)).not.toMatch(/\{(BASE_URL|API_KEY)\}/);
        expect(made).not.toHaveProperty('preset');
        expect(made).not.toHaveProperty('base_url');
        expect(made).not.toHaveProperty('api_key');
      }),
    );
  });

  it('lets what is given win', () => {
    fc.assert(
      fc.property(presetName, fc.dictionary(fc.string(), fc.jsonValue()), (preset, more) => {
        const { header: _header, body: _body, health_check: _check, timeouts: _timeouts, ...plain } = more;
        const own = Object.entries(plain).filter(([key]) => !['preset', 'base_url', 'api_key'].includes(key));
        const given = { ...Object.fromEntries(own), header: {} };
        expect(expandPreset({ preset, base_url: 'http://h', ...given })).toMatchObject(
          Object.fromEntries(own),
        );
      }),
    );
  });

  it('is left as it is where it names none', () => {
    const sent = { model_name: 'm', base_url: 'http://h' };
    expect(expandPreset(sent)).toBe(sent);
  });

  it('fills in what the contract says', () => {
    expect(expandPreset(ollama)).toEqual({
      model_name: 'llama3',
      protocol: 'openai',
      req_url_template: 'http://10.0.0.7:11434/v1',
      health_check: { path: '/api/version', expected_status: 200 },
    });
  });

  it.each([
    ['http://h:1', 'http://h:1/v1'],
    ['http://h:1/', 'http://h:1/v1'],
    ['http://h:1/v1', 'http://h:1/v1'],
    ['http://h:1/v1/', 'http://h:1/v1'],
    ['http://h:1/gpu/2', 'http://h:1/gpu/2/v1'],
    ['http://h:1?zone=a', 'http://h:1/v1?zone=a'],
  ])('finds the API at %s', (base_url, url) => {
    expect(expandPreset({ ...ollama, base_url })).toMatchObject({ req_url_template: url });
  });

  it.each([
    ['http://h:1', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/chat', 'http://h:1/v1/chat/completions'],
    ['http://h:1/v1/chat/completions', 'http://h:1/v1/chat/completions'],
    ['http://h:1/my-v1', 'http://h:1/my-v1/v1/chat/completions'],
    ['http://h:1/chat', 'http://h:1/chat/v1/chat/completions'],
  ])('finds the call at %s, whatever of it was written', (base_url, url) => {
    const sent = { preset: 'baichuan-server', model_name: 'm', base_url };
    expect(expandPreset(sent)).toMatchObject({ req_url_template: url });
  });

  it.each([['sk-1'], ['${secret:KEY}'], ['$& $1'], ['a${secret:A}b']])(
    'puts the key %s where it belongs',
    (api_key) => {
      expect(expandPreset({ ...openai, api_key })).toMatchObject({
        header: { authorization: `Bearer ${api_key}` },
      });
    },
  );

  it('merges what is an object, member by member, and headers in any case', () => {
    const image = { preset: 'stable-diffusion-webui', model_name: 'sd', base_url: 'http://h' };
    expect(expandPreset({ ...image, body: { steps: 30 } })).toMatchObject({
      body: { prompt: '{USER_PROMPT}', steps: 30, width: 512 },
    });
    const header = { 'X-Team': 'a', Authorization: 'Bearer mine' };
    expect(expandPreset({ ...openai, header })).toHaveProperty('header', header);
  });

  it.each<[object, string]>([
    [{ preset: 'olama' }, 'preset: must be one of openai, '],
    [{ preset: '__proto__' }, 'preset: must be one of openai, '],
    [{ preset: 'ollama' }, 'base_url: is missing: where the server is, such as http://127.0.0.1:11434'],
    [{ ...ollama, base_url: 'h:1' }, 'base_url: must be an http or https URL without placeholders'],
    [{ ...ollama, base_url: 'http://{USER_PROMPT}' }, 'base_url: must be an http or https URL'],
    [{ ...ollama, base_url: ['http://h'] }, 'base_url: must be an http or https URL'],
    [{ preset: 'openai' }, 'api_key: is missing: the key, or ${secret:NAME}'],
    [{ ...openai, api_key: '' }, 'api_key: must be the key as text'],
    [{ ...openai, api_key: 7 }, 'api_key: must be the key as text'],
    [{ ...openai, api_key: 'a{USER_PROMPT}' }, 'api_key: must be the key as text'],
    [{ ...openai, api_key: 'a\r\nb: c' }, 'api_key: must be the key as text'],
    [{ preset: 'chatglm', base_url: 'http://h', api_key: 'k' }, 'api_key: is not asked for by this server'],
    [
      { preset: 'azure-openai' },
      'base_url: is missing: where the server is, such as https://my-resource.openai.azure.com; api_key: is missing',
    ],
  ])('refuses %j', (sent, problem) => {
    expect(() => expandPreset(sent as Record<string, unknown>)).toThrow(InvalidInputError);
    expect(() => expandPreset(sent as Record<string, unknown>)).toThrow(problem);
  });
});
