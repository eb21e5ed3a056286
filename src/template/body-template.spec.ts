import { describe, expect, it } from 'vitest';
import { compileBody } from './body-template.js';
import { RenderError, TemplateError } from './template-error.js';
import type { JsonValue } from '../input/json.js';
import type { PlaceholderValues } from './placeholders.js';

const request: PlaceholderValues = {
  USER_PROMPT: 'who are you?',
  MODEL_NAME: 'proxyllm',
  REQUEST_ID: 'req-1',
};
const secrets = (name: string) => `<${name}>`;

function rendered(body: JsonValue, values: Partial<PlaceholderValues> = {}): string {
  return compileBody(body, 'json').render({ ...request, ...values }, secrets);
}
function form(body: JsonValue, values: Partial<PlaceholderValues> = {}): string {
  return compileBody(body, 'form').render({ ...request, ...values }, secrets);
}

function nested(levels: number): JsonValue {
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}

describe('a body of the native API', () => {
  it('renders the documented registration', () => {
    const body = compileBody({ input: '{USER_PROMPT}', model_name: '{MODEL_NAME}' }, 'json');
    expect(body.render(request, secrets)).toBe('{"input":"who are you?","model_name":"proxyllm"}');
    expect([...body.placeholders]).toEqual(['USER_PROMPT', 'MODEL_NAME']);
    expect(body.contentType).toBe('application/json');
  });

  it.each<[string, JsonValue, Partial<PlaceholderValues>, string]>([
    [
      'ChatGLM api.py',
      { prompt: '{USER_PROMPT}', history: '{HISTORY}' },
      { HISTORY: [['hi', 'Hello!']] },
      '{"prompt":"who are you?","history":[["hi","Hello!"]]}',
    ],
    [
      'an OpenAI shape',
      {
        model: '{MODEL_NAME}',
        messages: '{MESSAGES}',
        temperature: '{MODEL_TEMPERATURE}',
        stream: '{STREAM}',
      },
      { MESSAGES: [{ role: 'user', content: 'hi' }], MODEL_TEMPERATURE: 0.7, STREAM: false },
      '{"model":"proxyllm","messages":[{"role":"user","content":"hi"}],"temperature":0.7,"stream":false}',
    ],
    [
      'Gemini generateContent',
      {
        contents: [{ parts: [{ text: '{USER_PROMPT}' }] }],
        generationConfig: { maxOutputTokens: '{MAX_TOKENS}' },
      },
      { MAX_TOKENS: 64 },
      '{"contents":[{"parts":[{"text":"who are you?"}]}],"generationConfig":{"maxOutputTokens":64}}',
    ],
    [
      'the Text2Video proxy',
      { prompt: '{USER_PROMPT}', num_inference_steps: 25, height: 320, width: 480, num_frames: 24 },
      {},
      '{"prompt":"who are you?","num_inference_steps":25,"height":320,"width":480,"num_frames":24}',
    ],
    [
      'the stablediffusion-proxy',
      { prompt: '{USER_PROMPT}', image_name: '{REQUEST_ID}.png', image_type: 'png' },
      {},
      '{"prompt":"who are you?","image_name":"req-1.png","image_type":"png"}',
    ],
    ['embeddings', { input: '{INPUT}' }, { INPUT: ['a', 'b'] }, '{"input":["a","b"]}'],
  ])('renders %s', (_system, body, values, json) => {
    expect(rendered(body, values)).toBe(json);
  });
});

describe('a placeholder', () => {
  it('keeps the type of its value as a whole string and is text inside a longer one', () => {
    expect(
      rendered({ t: '{MODEL_TEMPERATURE}', s: 't={MODEL_TEMPERATURE}' }, { MODEL_TEMPERATURE: 0.7 }),
    ).toBe('{"t":0.7,"s":"t=0.7"}');
    expect(rendered({ s: 'text: {HISTORY}, {STREAM}' }, { HISTORY: [['a', 'b']], STREAM: true })).toBe(
      '{"s":"text: [[\\"a\\",\\"b\\"]], true"}',
    );
  });

  it.each<[JsonValue, string]>([
    [{ a: '{SYSTEM_PROMPT}', b: 1 }, '{"b":1}'],
    [{ a: 1, b: '{SYSTEM_PROMPT}' }, '{"a":1}'],
    [{ a: '{SYSTEM_PROMPT}', b: '{MAX_TOKENS}' }, '{}'],
    [{ a: '{SYSTEM_PROMPT}', b: '{USER_PROMPT}', c: '{MAX_TOKENS}' }, '{"b":"who are you?"}'],
    [{ a: { b: '{SYSTEM_PROMPT}' } }, '{"a":{}}'],
    [['{SYSTEM_PROMPT}', 1, '{MAX_TOKENS}', 2], '[1,2]'],
    [{ a: '[{SYSTEM_PROMPT}]' }, '{"a":"[]"}'],
    ['{SYSTEM_PROMPT}', 'null'],
  ])('without a value removes its key, or leaves nothing inside a longer string: %j', (body, json) => {
    expect(rendered(body)).toBe(json);
  });

  it('with an empty text, 0, false or null has a value', () => {
    const body = { a: '{USER_PROMPT}', b: '{MODEL_TEMPERATURE}', c: '{STREAM}', d: '{INPUT}' };
    expect(rendered(body, { USER_PROMPT: '', MODEL_TEMPERATURE: 0, STREAM: false, INPUT: null })).toBe(
      '{"a":"","b":0,"c":false,"d":null}',
    );
  });

  it('is plain text as a key, with an unknown name, in lower case, with spaces or unclosed', () => {
    const body = {
      '{USER_PROMPT}': ['{NOPE}', '{user_prompt}', '{ USER_PROMPT }', '{USER_PROMPT', '{toString}'],
    };
    expect(JSON.parse(rendered(body))).toEqual(body);
    expect(compileBody(body, 'json').placeholders.size).toBe(0);
  });

  it('is found next to braces and other placeholders', () => {
    expect(rendered('{{USER_PROMPT}}${MODEL_NAME}{REQUEST_ID}')).toBe('"{who are you?}$proxyllmreq-1"');
  });

  it('keeps key order and every character', () => {
    expect(rendered({ z: 1, a: [' \u2028é😀\ud83d'], '': null })).toBe(
      '{"z":1,"a":[" \u2028é😀\\ud83d"],"":null}',
    );
  });

  it('joins adjacent halves of a surrogate pair', () => {
    expect(JSON.parse(rendered('\ud83d{USER_PROMPT}', { USER_PROMPT: '\ude00' }))).toBe('😀');
  });

  it('throws a RenderError for a value that nests too deep', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(() => rendered({ a: '{INPUT}' }, { INPUT: deep })).toThrow(RenderError);
  });

  it('changes no prototype', () => {
    const body: JsonValue = JSON.parse(
      '{"__proto__":{"polluted":"{USER_PROMPT}"},"constructor":"{MODEL_NAME}"}',
    );
    expect(rendered(body)).toBe('{"__proto__":{"polluted":"who are you?"},"constructor":"proxyllm"}');
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('${secret:NAME}', () => {
  it('becomes text, as a whole string or inside one, and its name is collected', () => {
    const body = compileBody({ a: '${secret:KEY}', b: 'Bearer ${secret:my-key_1.txt}!' }, 'json');
    expect(body.render(request, secrets)).toBe('{"a":"<KEY>","b":"Bearer <my-key_1.txt>!"}');
    expect([...body.secrets]).toEqual(['KEY', 'my-key_1.txt']);
  });

  it("is plain text in a client's value, as a placeholder is in a secret", () => {
    const body = compileBody({ a: '{USER_PROMPT}', b: '${secret:KEY}' }, 'json');
    const values = { ...request, USER_PROMPT: '${secret:OTHER}{MODEL_NAME}' };
    expect(body.render(values, () => '{MODEL_NAME}')).toBe(
      '{"a":"${secret:OTHER}{MODEL_NAME}","b":"{MODEL_NAME}"}',
    );
  });

  it.each(['', '.hidden', 'a/b', '../x', 'a b', 'ä', 'x'.repeat(101), '${secret:A}', '\0'])(
    'refuses the name %j',
    (name) => {
      expect(() => compileBody({ deep: [`x\${secret:${name}}`] }, 'json')).toThrow(
        expect.objectContaining({ name: 'TemplateError', field: 'body.deep[0]' }),
      );
    },
  );

  it('rejects an unclosed reference without quoting it, and accepts a name of 100 characters', () => {
    expect(() => compileBody('${secret:sk-1234', 'json')).toThrow(/^(?!.*sk-1234).*closing brace$/s);
    expect(compileBody(`\${secret:${'x'.repeat(100)}}`, 'json').secrets.size).toBe(1);
  });
});

describe('limits of a body', () => {
  it('accepts 64 levels and rejects 65 or more', () => {
    expect(rendered(nested(64))).toBe('['.repeat(64) + ']'.repeat(64));
    expect(() => compileBody(nested(65), 'json')).toThrow(
      new TemplateError('body', 'must not be nested deeper than 64 levels'),
    );
    expect(() => compileBody(nested(100_000), 'json')).toThrow(TemplateError);
  });

  it('accepts 256 KiB of JSON in UTF-8 and rejects one byte more', () => {
    const text = 'é'.repeat(128 * 1024 - 1);
    expect(rendered(text)).toHaveLength(text.length + 2);
    expect(() => compileBody(`${text}a`, 'json')).toThrow(
      'body: must have at most 256 KiB as JSON, not 262145 bytes',
    );
  });

  it('rejects a number that JSON cannot hold', () => {
    const body: JsonValue = JSON.parse('{"a":[1e400]}');
    expect(() => compileBody(body, 'json')).toThrow('body.a[0]: is a number too large to be kept');
  });
});

describe('a form', () => {
  it('is flat and url-encoded, without fields that have no value', () => {
    const body = {
      q: 'a&b={USER_PROMPT}',
      n: 5,
      ok: true,
      t: '{MODEL_TEMPERATURE}',
      s: '${secret:K}',
      'ä b': '',
    };
    expect(form(body)).toBe('q=a%26b%3Dwho+are+you%3F&n=5&ok=true&s=%3CK%3E&%C3%A4+b=');
    expect(compileBody(body, 'form').contentType).toBe('application/x-www-form-urlencoded');
    expect(form({ a: 'x{SYSTEM_PROMPT}y', h: '{HISTORY}' }, { HISTORY: [['a', 'b']] })).toBe(
      'a=xy&h=%5B%5B%22a%22%2C%22b%22%5D%5D',
    );
  });

  it.each<[JsonValue, string]>([
    ['text', 'body: must be an object when sent as a form'],
    [['a'], 'body: must be an object when sent as a form'],
    [{ a: { b: 1 } }, 'body.a: must be text, a number or a boolean in a form'],
    [{ 'x.y': [1] }, 'body["x.y"]: must be text, a number or a boolean in a form'],
    [{ a: null }, 'body.a: must be text, a number or a boolean in a form'],
  ])('is rejected: %j', (body, message) => {
    expect(() => form(body)).toThrow(expect.objectContaining({ name: 'TemplateError', message }));
  });
});
