import { describe, expect, it } from 'vitest';
import { compileUrl } from './url-template.js';
import { RenderError } from './template-error.js';
import type { PlaceholderValues } from './placeholders.js';

const request: PlaceholderValues = { USER_PROMPT: 'who are you?', MODEL_NAME: 'a/b c', REQUEST_ID: 'r1' };

function rendered(
  url: string,
  values: Partial<PlaceholderValues> = {},
  params?: Readonly<Record<string, unknown>>,
): string {
  return compileUrl(url, params).render({ ...request, ...values }, (name) => `<${name}&>`);
}
const refusal = (message: string) => expect.objectContaining({ name: 'TemplateError', message });

describe('a URL', () => {
  it.each([
    ['http://127.0.0.1/api/generate', 'http://127.0.0.1', '/api/generate'],
    ['https://xxx/openapi/xxx/inference/query', 'https://xxx', '/openapi/xxx/inference/query'],
    ['http://localhost:8008/generate', 'http://localhost:8008', '/generate'],
    ['HTTP://Example.ORG:80', 'http://example.org', '/'],
    ['http://example.org?a', 'http://example.org', '/?a'],
    ['http://example.org/?', 'http://example.org', '/?'],
    ['http://h//a//', 'http://h', '//a//'],
    [
      "http://h/a%2Fb/%e4/x;v=1:2@3!$'()*+,~?a=%20+/?:@&b&&=c",
      'http://h',
      "/a%2Fb/%e4/x;v=1:2@3!$'()*+,~?a=%20+/?:@&b&&=c",
    ],
  ])('keeps %s as it was written', (url, origin, target) => {
    expect(compileUrl(url, undefined).origin).toBe(origin);
    expect(rendered(url)).toBe(target);
  });

  it.each([
    ['http://h/a b/ü/{NOPE}/"<>^`|[]', '/a%20b/%C3%BC/%7BNOPE%7D/%22%3C%3E%5E%60%7C%5B%5D'],
    ['http://h/100%/%zz?q=50%&f[a]=😀', '/100%25/%25zz?q=50%25&f%5Ba%5D=%F0%9F%98%80'],
  ])('encodes characters of %s that no URL may hold', (url, target) => {
    expect(rendered(url)).toBe(target);
  });

  it.each([
    ['http://h/m/{MODEL_NAME}:generate', '/m/a%2Fb%20c:generate'],
    ['http://h/{REQUEST_ID}/{REQUEST_ID}.png', '/r1/r1.png'],
    ['http://h?q={USER_PROMPT}&m=x-{MODEL_NAME}', '/?q=who%20are%20you%3F&m=x-a%2Fb%20c'],
    ['http://h/?{USER_PROMPT}', '/?who%20are%20you%3F'],
    ['http://h/?{MODEL_NAME}=1', '/?a%2Fb%20c=1'],
    ['http://h/%4{REQUEST_ID}', '/%254r1'],
  ])('fills the placeholders of %s', (url, target) => {
    expect(rendered(url)).toBe(target);
  });

  it('writes numbers, booleans and lists as text', () => {
    const values = { MODEL_TEMPERATURE: 0.7, STREAM: true, HISTORY: [['a', 'b']] as const };
    expect(rendered('http://h/{MODEL_TEMPERATURE}?s={STREAM}&h={HISTORY}', values)).toBe(
      '/0.7?s=true&h=%5B%5B%22a%22%2C%22b%22%5D%5D',
    );
  });

  it('leaves out only parameters without a value', () => {
    const url = 'http://h/{SYSTEM_PROMPT}/x?a={SYSTEM_PROMPT}&b=({MAX_TOKENS})&c={USER_PROMPT}&{MAX_TOKENS}';
    expect(rendered(url, { USER_PROMPT: '' })).toBe('//x?b=()&c=');
    expect(rendered('http://h/?a={SYSTEM_PROMPT}')).toBe('/');
  });

  it('turns half a surrogate pair into U+FFFD', () => {
    expect(rendered('http://h/{USER_PROMPT}', { USER_PROMPT: 'a\ud83d' })).toBe('/a%EF%BF%BD');
  });

  it('treats any value as data', () => {
    expect(rendered('http://h/{USER_PROMPT}', { USER_PROMPT: '../{MODEL_NAME}?${secret:X}#' })).toBe(
      '/..%2F%7BMODEL_NAME%7D%3F%24%7Bsecret%3AX%7D%23',
    );
  });

  it.each([
    ['http://h/{USER_PROMPT}', '.'],
    ['http://h/a/{USER_PROMPT}/b', '..'],
    ['http://h/.{USER_PROMPT}', '.'],
    ['http://h/%2E{USER_PROMPT}', '.'],
    ['http://h/{USER_PROMPT}', '%2e%2E'],
    ['http://h/{USER_PROMPT}', '.%252e'],
    ['http://h/.{SYSTEM_PROMPT}{USER_PROMPT}', ''],
    ['http://h/{USER_PROMPT};v=1', '..'],
  ])('rejects a value that makes a dot segment: %s with %j', (url, prompt) => {
    expect(() => rendered(url, { USER_PROMPT: prompt })).toThrow(RenderError);
  });

  it.each(['...', '.a', 'a..', '..a', '%2e%2e%2e', ' .'])('keeps the segment %j', (prompt) => {
    expect(rendered('http://h/{USER_PROMPT}/x', { USER_PROMPT: prompt })).toBe(
      `/${encodeURIComponent(prompt)}/x`,
    );
  });

  it('keeps dots in the query', () => {
    expect(rendered('http://h/?q={USER_PROMPT}', { USER_PROMPT: '..' })).toBe('/?q=..');
  });

  it.each([
    ['ftp://h/', 'must begin with http:// or https:// and a host, without placeholders'],
    ['h/path', 'must begin with http:// or https:// and a host, without placeholders'],
    ['http:/h/', 'must begin with http:// or https:// and a host, without placeholders'],
    ['{USER_PROMPT}', 'must begin with http:// or https:// and a host, without placeholders'],
    ['http{USER_PROMPT}://h/', 'must begin with http:// or https:// and a host, without placeholders'],
    ['http://{USER_PROMPT}/', 'may have placeholders in path and query only, not in host or port'],
    ['http://h.{NOPE}.com/', 'may have placeholders in path and query only, not in host or port'],
    ['http://h:{MAX_TOKENS}/', 'may have placeholders in path and query only, not in host or port'],
    ['http://${secret:HOST}/', 'may have placeholders in path and query only, not in host or port'],
    ['http://{USER_PROMPT}@h/', 'may have placeholders in path and query only, not in host or port'],
    ['http://user:pass@h/', 'must not carry credentials; put them into header or api_key'],
    ['http:///path', 'has no valid host or port'],
    ['http://h:99999/', 'has no valid host or port'],
    ['http://a b/', 'has no valid host or port'],
    ['http://h%2Fx/', 'has no valid host or port'],
    ['http://h/#top', 'must not have a #fragment, which no server would see'],
    ['http://h/?a#{USER_PROMPT}', 'must not have a #fragment, which no server would see'],
    ['http://h\\@evil/', 'must not hold a backslash; in a path write %5C'],
    ['http://h/a\nb', 'must not hold control characters or begin or end with a space'],
    [' http://h/', 'must not hold control characters or begin or end with a space'],
    ['http://h/a/../b', 'must be written without the path segments "." and ".."'],
    ['http://h/%2e%2E?x', 'must be written without the path segments "." and ".."'],
    ['http://h/${secret:X}', 'may have ${secret:…} in its query, not in its path'],
    [`http://h/${'x'.repeat(2040)}`, 'must have at most 2048 characters, not 2049'],
  ])('rejects %s', (url, problem) => {
    expect(() => compileUrl(url, undefined)).toThrow(refusal(`req_url_template: ${problem}`));
  });

  it('accepts 2,048 characters', () => {
    expect(rendered(`http://h/${'x'.repeat(2039)}`)).toHaveLength(2040);
  });
});

describe('req_param', () => {
  it('joins the query, encoded, with typed values as text', () => {
    const params = {
      q: '{USER_PROMPT}',
      'n m': 5,
      ok: false,
      t: '{MODEL_TEMPERATURE}',
      e: 'a%20&{REQUEST_ID}',
      k: '${secret:KEY}',
    };
    const target = '?q=who%20are%20you%3F&n%20m=5&ok=false&e=a%2520%26r1&k=%3CKEY%26%3E';
    expect(rendered('http://h/p', {}, params)).toBe(`/p${target}`);
    expect(rendered('http://h/p?', {}, params)).toBe(`/p${target}`);
    expect(rendered('http://h/p?a=1', {}, { b: 2 })).toBe('/p?a=1&b=2');
    expect(rendered('http://h/p', { MODEL_TEMPERATURE: 0 }, { t: '{MODEL_TEMPERATURE}' })).toBe('/p?t=0');
    expect(rendered('http://h/p', {}, { t: '{MODEL_TEMPERATURE}' })).toBe('/p');
  });

  it('treats names as plain text, and __proto__ as a name', () => {
    const params = JSON.parse('{"__proto__":"{REQUEST_ID}","{USER_PROMPT}":"x"}');
    expect(rendered('http://h/', {}, params)).toBe('/?__proto__=r1&%7BUSER_PROMPT%7D=x');
  });

  it.each([[null], [['a']], [{ a: 1 }], [Number.NaN], [undefined]])('rejects the value %j', (value) => {
    expect(() => compileUrl('http://h/', { 'x.y': value })).toThrow(
      refusal('req_param["x.y"]: must be text, a number or a boolean'),
    );
  });

  it('collects its placeholders and secrets with those of the URL', () => {
    const url = compileUrl('http://h/{MODEL_NAME}?k=${secret:A}', { q: '{USER_PROMPT}', t: '${secret:B}' });
    expect([...url.placeholders]).toEqual(['MODEL_NAME', 'USER_PROMPT']);
    expect([...url.secrets]).toEqual(['A', 'B']);
  });
});
