import { describe, expect, it } from 'vitest';
import { expectDescribed } from './described-answers.js';

const json = new Headers({ 'content-type': 'application/json; charset=utf-8' });
const answer = {
  method: 'GET',
  path: '/livez',
  status: 200,
  headers: json,
  text: '{"status":"ok"}',
  isPassed: false,
};

describe('expectDescribed', () => {
  it('takes what the document describes, and paths that it does not know', () => {
    expect(() => expectDescribed(answer)).not.toThrow();
    expect(() => expectDescribed({ ...answer, path: '/no-such-path', text: 'x' })).not.toThrow();
    expect(() => expectDescribed({ ...answer, method: 'PUT', text: 'x' })).not.toThrow();
  });

  it.each([
    ['a status', { status: 201 }, 'GET /livez 201 is not in openapi.json'],
    ['a field', { text: '{"status":"ok","more":1}' }, 'must NOT have additional properties'],
    ['a missing field', { text: '{}' }, "must have required property 'status'"],
    ['a type', { text: '{"status":1}' }, 'must be string'],
    [
      'a media type',
      { headers: new Headers({ 'content-type': 'text/html' }) },
      'text/html is not in openapi.json',
    ],
    [
      'a header',
      { headers: new Headers({ 'content-type': 'application/json', 'x-mmm-odd': '1' }) },
      'the headers x-mmm-odd are not in openapi.json',
    ],
    [
      'a field within a list, by a reference',
      {
        path: '/api/server/workers?detail=true',
        text: '{"success":true,"data":[{"model_name":"m","odd":1}]}',
      },
      '/data/0',
    ],
    ['null', { path: '/api/v1/models/a/b', text: '{"name":null}' }, '/name must be string'],
  ])('refuses %s that the document does not have', (_, change, problem) => {
    expect(() => expectDescribed({ ...answer, ...change })).toThrow(problem);
  });

  it('leaves the body of a worker alone, which passes through', () => {
    const path = '/v1/chat/completions';
    const passed = { ...answer, method: 'POST', path, text: '{"odd":1}', isPassed: true };
    expect(() => expectDescribed(passed)).not.toThrow();
    expect(() => expectDescribed({ ...passed, isPassed: false })).toThrow('is not as in openapi.json');
  });
});
