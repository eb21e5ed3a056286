import { describe, expect, it } from 'vitest';
import { compileHeaders } from './header-template.js';
import { RenderError, TemplateError } from './template-error.js';
import type { PlaceholderValues } from './placeholders.js';

const request: PlaceholderValues = { USER_PROMPT: 'hi', MODEL_NAME: 'proxyllm', REQUEST_ID: 'r1' };
const secrets = (name: string) => `<${name}>`;

function rendered(headers: Record<string, unknown>, values: Partial<PlaceholderValues> = {}) {
  return compileHeaders(headers).render({ ...request, ...values }, secrets);
}

describe('headers', () => {
  it('keep their names and fill their values', () => {
    const headers = {
      Authorization: 'Bearer ${secret:KEY}',
      'X-Model': '{MODEL_NAME}',
      'x-trace': 'id={REQUEST_ID}; t={MODEL_TEMPERATURE}; h={HISTORY}',
      'Content-Type': 'application/json',
    };
    expect(rendered(headers, { MODEL_TEMPERATURE: 0.7, HISTORY: [['a', 'b']] })).toEqual({
      Authorization: 'Bearer <KEY>',
      'X-Model': 'proxyllm',
      'x-trace': 'id=r1; t=0.7; h=[["a","b"]]',
      'Content-Type': 'application/json',
    });
    const template = compileHeaders(headers);
    expect([...template.names]).toEqual(['authorization', 'x-model', 'x-trace', 'content-type']);
    expect([...template.secrets]).toEqual(['KEY']);
    expect([...template.placeholders]).toEqual(['MODEL_NAME', 'REQUEST_ID', 'MODEL_TEMPERATURE', 'HISTORY']);
  });

  it('leave out a header without a value, and leave nothing for it inside a longer one', () => {
    expect(rendered({ a: '{SYSTEM_PROMPT}', b: 'p {SYSTEM_PROMPT}', c: '', d: ' {USER_PROMPT} ' })).toEqual({
      b: 'p',
      c: '',
      d: 'hi',
    });
  });

  it('are a new object each time', () => {
    const template = compileHeaders({ a: 'x' });
    template.render(request, secrets)['a'] = 'changed';
    expect(template.render(request, secrets)).toEqual({ a: 'x' });
  });

  it('treat values as data', () => {
    expect(rendered({ a: '{USER_PROMPT}' }, { USER_PROMPT: '${secret:X}{MODEL_NAME}' })).toEqual({
      a: '${secret:X}{MODEL_NAME}',
    });
  });

  it.each(['a\r\nX-Admin: 1', 'a\rb', 'a\nb', '\0', '\x7f', 'žlutý', '😀', '\ud83d', ' a', 'a\t'])(
    "refuse the caller's value %j",
    (prompt) => {
      expect(() => rendered({ a: '{USER_PROMPT}' }, { USER_PROMPT: prompt })).toThrow(RenderError);
    },
  );

  it('name the faulty value without quoting it', () => {
    expect(() => rendered({ 'x-a': '{USER_PROMPT}' }, { USER_PROMPT: 'private\n' })).toThrow(
      'header.x-a: the value of {USER_PROMPT} holds a character that a header cannot carry',
    );
  });

  it('throw a TemplateError for a secret that no header can hold', () => {
    const template = compileHeaders({ a: 'Bearer ${secret:KEY}' });
    expect(() => template.render(request, () => 'abc\n')).toThrow(
      new TemplateError('header.a', 'the secret KEY holds a character that a header cannot carry'),
    );
    expect(() => template.render(request, () => 'abc ')).toThrow(TemplateError);
  });

  it.each([
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'upgrade',
    'TE',
    'Trailer',
    'Keep-Alive',
    'Expect',
    'HTTP2-Settings',
    'Proxy-Authorization',
    'proxy-connection',
  ])('reject %s, which belongs to the connection', (name) => {
    expect(() => compileHeaders({ [name]: 'x' })).toThrow(
      expect.objectContaining({ name: 'TemplateError', field: `header.${name}` }),
    );
  });

  it.each(['', 'a b', 'a:b', ':path', 'a\r\nb', 'ä', 'x(y)', '{USER_PROMPT}'])(
    'refuse the name %j',
    (name) => {
      expect(() => compileHeaders({ [name]: 'x' })).toThrow(TemplateError);
    },
  );

  it('reject __proto__ as a name and change no prototype', () => {
    expect(() => compileHeaders(JSON.parse('{"__proto__":"x"}'))).toThrow(
      'header.__proto__: is not a valid header name',
    );
  });

  it('reject names that differ only in case', () => {
    expect(() => compileHeaders({ 'X-A': '1', 'x-a': '2' })).toThrow('header.x-a: appears twice');
  });

  it.each(['a\r\nb: c', '\0', 'ž', '\n'])('reject the value %j of a definition', (value) => {
    expect(() => compileHeaders({ a: value })).toThrow(
      'header.a: holds a character that a header cannot carry',
    );
  });

  it.each([1, null, ['x'], undefined])('reject the value %j, which is not text', (value) => {
    expect(() => compileHeaders({ a: value })).toThrow('header.a: must be text');
  });
});
