import { describe, expect, it } from 'vitest';
import { compileExtract, ExtractError } from './response-extract.js';

function extracted(path: string, answer: unknown): string {
  return compileExtract(path).from(JSON.stringify(answer));
}
const refusal = (message: string) => expect.objectContaining({ name: 'TemplateError', message });

describe('an answer of a known system', () => {
  const answer = {
    code: '200',
    data: { items: [{ attributes: { answer: 'I am ChatGLM2-6B ...' } }] },
    success: true,
    traceId: 'x',
  };

  it.each([
    'data.items[].attributes.answer',
    'data.items[0].attributes.answer',
    'data.items[-1].attributes.answer',
    'response["data"]["items"][0]["attributes"]["answer"]',
    "response['data']['items'][]['attributes'].answer",
    '["data"].items[0]["attributes"][\'answer\']',
  ])('is reached by %s', (path) => {
    expect(extracted(path, answer)).toBe('I am ChatGLM2-6B ...');
    expect(compileExtract(path).path).toMatch(/^data\.items\[(0|-1)\]\.attributes\.answer$/);
  });

  it.each<[string, string, unknown, string]>([
    ['ChatGLM api.py', 'response', { response: 'Hello', history: [['a', 'b']], status: 200 }, 'Hello'],
    ['OpenAI', 'choices[].message.content', { choices: [{ message: { content: 'hi' } }] }, 'hi'],
    [
      'Gemini',
      'candidates[].content.parts[].text',
      { candidates: [{ content: { parts: [{ text: 'hi' }] } }] },
      'hi',
    ],
    ['Anthropic', 'content[].text', { content: [{ type: 'text', text: 'hi' }] }, 'hi'],
    ['webui', 'images[]', { images: ['aGk='] }, 'aGk='],
    [
      'stablediffusion-proxy',
      'msg',
      { success: true, msg: 'downloadUrl= http://x' },
      'downloadUrl= http://x',
    ],
    ['midjourney-proxy', 'result', { code: 1, result: '132' }, '132'],
    ['Runway', 'output[]', { status: 'SUCCEEDED', output: ['https://x/v.mp4'] }, 'https://x/v.mp4'],
    ['text-generation', 'response[0]["generated_text"]', [{ generated_text: 'hi' }], 'hi'],
  ])('of %s is extracted by %s', (_system, path, given, text) => {
    expect(extracted(path, given)).toBe(text);
  });

  it('of the llmserver is its one JSON string without a path', () => {
    expect(compileExtract('').from(' "I am \\"it\\" \\u00e9" \n')).toBe('I am "it" é');
  });

  it.each(['plain text', '', '{"a": 1}', '[1]', '12', 'null', '"a" "b"', '"open', '\uFEFFx'])(
    'are the raw text %j when no path is given',
    (text) => {
      expect(compileExtract('').from(text)).toBe(text);
    },
  );
});

describe('a path', () => {
  const answer = {
    response: { text: 'by key' },
    'odd.key': 'odd',
    'a"b': { "c'd\\": 'quoted' },
    '': 'empty',
    ключ: 'unicode',
    'a-b_$@c': 'bare',
    list: [1, [2, 3]],
  };

  it.each([
    ['response.text', 'by key'],
    ['response', '{"text":"by key"}'],
    ['response["response"].text', 'by key'],
    ['["response"]["text"]', 'by key'],
    ['["odd.key"]', 'odd'],
    ["['odd.key']", 'odd'],
    ['response["odd.key"]', 'odd'],
    ["['a\"b']['c\\'d\\\\']", 'quoted'],
    ['["\\u0061\\u0022b"]["c\'d\\\\"]', 'quoted'],
    ['[""]', 'empty'],
    ['ключ', 'unicode'],
    ['a-b_$@c', 'bare'],
    ['list[]', '1'],
    ['list[1][-1]', '3'],
    ['list[-2]', '1'],
    ['list[01]', '[2,3]'],
  ])('%s reaches %s', (path, text) => {
    expect(extracted(path, answer)).toBe(text);
  });

  it('that begins with response[ starts at the answer itself; a list under that key needs quotes', () => {
    const listed = { response: ['x'] };
    expect(() => extracted('response[0]', listed)).toThrow('the answer is an object, not a list');
    expect(extracted('["response"][0]', listed)).toBe('x');
    expect(compileExtract('["response"][0]').path).toBe('["response"][0]');
  });

  it.each([
    ['.a', 1, 'expected a name; other keys are written ["like this"]'],
    ['a..b', 3, 'expected a name; other keys are written ["like this"]'],
    ['a.', 3, 'expected a name; other keys are written ["like this"]'],
    [' a', 1, 'expected a name; other keys are written ["like this"]'],
    ['a b', 2, 'expected "." or "["'],
    ['a]', 2, 'expected "." or "["'],
    ['a[]b', 4, 'expected "." or "["'],
    ['a[', 3, 'expected "]", a number or a quoted key'],
    ['a[*]', 3, 'expected "]", a number or a quoted key'],
    ['a[b]', 3, 'expected "]", a number or a quoted key'],
    ['a[1', 4, 'expected "]"'],
    ['a[1.5]', 4, 'expected "]"'],
    ['a[-0]', 3, 'is no index; the last element is [-1]'],
    ['a[99999999999999999]', 3, 'is no index; the last element is [-1]'],
    ['a["b]', 3, 'this quote is never closed'],
    ['a["b\\"]', 3, 'this quote is never closed'],
    ['a["b\'] ', 3, 'this quote is never closed'],
    ['a["\\x"]', 4, 'unknown escape'],
    ['a["\\constructor"]', 4, 'unknown escape'],
    ['a["\\u12"]', 4, '\\u needs four hexadecimal digits'],
    ['response[', 10, 'expected "]", a number or a quoted key'],
  ])('%j is rejected at column %i', (path, column, problem) => {
    expect(() => compileExtract(path)).toThrow(refusal(`response_extract: column ${column}: ${problem}`));
  });

  it('has at most 500 characters', () => {
    expect(compileExtract('a'.repeat(500)).path).toHaveLength(500);
    expect(() => compileExtract('a'.repeat(501), 'stream_extract')).toThrow(
      refusal('stream_extract: must have at most 500 characters, not 501'),
    );
  });
});

describe('a result', () => {
  it.each<[unknown, string]>([
    ['', ''],
    ['"quoted"', '"quoted"'],
    [0, '0'],
    [-1.5, '-1.5'],
    [false, 'false'],
    [{}, '{}'],
    [{ b: [1, null], a: 'é' }, '{"b":[1,null],"a":"é"}'],
    [[], '[]'],
  ])('of %j is the text %s', (value, text) => {
    expect(extracted('a', { a: value })).toBe(text);
    expect(compileExtract('a').fromValue({ a: value })).toBe(text);
  });

  it.each([
    ['{"a": 12345678901234567890}', 'a', '12345678901234567890'],
    ['{"a": [ -9007199254740993, {"b" : "x  y"} ]}', 'a', '[-9007199254740993,{"b":"x  y"}]'],
    ['{"a": 1e400}', 'a', '1e400'],
    ['{"a": 1.0}', 'a', '1'],
    ['{"\\u0061": {"z": [1, 2]}, "a": [0, 1, 123456789012345678901]}', 'a[-1]', '123456789012345678901'],
    ['\uFEFF[{"id": 9007199254740993}]', '[].id', '9007199254740993'],
  ])('keeps the digits of %s', (answer, path, text) => {
    expect(compileExtract(path).from(answer)).toBe(text);
  });

  it.each<[string, unknown, string]>([
    ['data.items[].answer', { data: { items: [] } }, 'data.items is an empty list'],
    ['data.items[].answer', { data: {} }, 'data has no key "items"'],
    ['data.items[].answer', { data: 'x' }, 'data is text, not an object'],
    ['data.items[].answer', { data: { items: { answer: 1 } } }, 'data.items is an object, not a list'],
    ['data.items[].answer', { data: { items: [{ answer: null }] } }, 'data.items[0].answer is null'],
    ['data[2]', { data: [1, 2] }, 'data is a list of 2, without [2]'],
    ['data[-3]', { data: [1, 2] }, 'data is a list of 2, without [-3]'],
    ['data.items', [], 'the answer is a list, not an object'],
    ['a', null, 'the answer is null, not an object'],
    ['a.b', { a: 7 }, 'a is a number, not an object'],
    ['["odd.key"].b', { 'odd.key': true }, '["odd.key"] is a boolean, not an object'],
    ['a.length', { a: [1] }, 'a is a list, not an object'],
    ['a.length', { a: 'text' }, 'a is text, not an object'],
    ['a["0"]', { a: ['x'] }, 'a is a list, not an object'],
    ['constructor.name', {}, 'the answer has no key "constructor"'],
    ['__proto__', {}, 'the answer has no key "__proto__"'],
  ])('of %s in %j is missing, with a message that shows how far the path got', (path, answer, message) => {
    expect(() => extracted(path, answer)).toThrow(new ExtractError(message));
    expect(() => compileExtract(path).fromValue(answer)).toThrow(new ExtractError(message));
  });

  it('is found under keys such as constructor', () => {
    expect(compileExtract('__proto__.constructor').from('{"__proto__":{"constructor":"mine"}}')).toBe('mine');
  });

  it.each([
    ['', 'the answer is not JSON (it is empty)'],
    ['private words', 'the answer is not JSON (13 characters)'],
    ['\n<html>private</html>', 'the answer is not JSON (21 characters, starting like HTML or XML)'],
    ['{"a":"priv', 'the answer is not JSON (10 characters)'],
  ])('of %j, which is not JSON, is missing, with a message that quotes nothing', (answer, message) => {
    expect(() => compileExtract('a').from(answer)).toThrow(new ExtractError(message));
  });

  it('that nests too deep is missing, unless the path leads to a part of it', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(() => compileExtract('a').from(`{"a":${deep}}`)).toThrow(ExtractError);
    expect(compileExtract('b').from(`{"a":${deep},"b":12345678901234567890}`)).toBe('12345678901234567890');
  });
});
