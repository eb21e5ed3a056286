import { describe, expect, it } from 'vitest';
import { ROOT } from './caller.js';
import { checkMoved, checkSent, checkUndone } from './worker-rights.js';

const operator = { ...ROOT, role: 'operator', keyId: '1' } as const;
const registrar = { ...ROOT, role: 'registrar', keyId: '1' } as const;
const SECRET = '${secret:OPENAI}';

describe('what is sent in a registration', () => {
  it.each([
    ['api_key', { preset: 'openai', api_key: 'sk-1' }, 'api_key'],
    ['a header', { header: { Authorization: 'Bearer x' } }, 'header.Authorization'],
    ['a header with another name', { header: { 'x-team': 'a' } }, 'header.x-team'],
    ['a header of a step', { poll: { status: { header: { 'x-key': 'a' } } } }, 'poll.status.header.x-key'],
    [
      'a header of a cancel',
      { poll: { cancel: [{}, { header: { 'x-key': 'a' } }] } },
      'poll.cancel[1].header.x-key',
    ],
    [
      'a header of the result',
      { poll: { result: { request: { header: { k: 'a' } } } } },
      'poll.result.request.header.k',
    ],
  ])('by an operator is refused where it holds a credential: %s', (_which, sent, field) => {
    expect(() => checkSent(operator, sent)).toThrow(`${field}: `);
    expect(() => checkSent(ROOT, sent)).not.toThrow();
    expect(() => checkSent(registrar, sent)).not.toThrow();
  });

  it.each([
    { header: { accept: 'text/plain', 'content-type': 'application/json' } },
    { header: null, poll: null, weight: 3 },
    { body: { header: { 'x-any': 'a body may have any member' } } },
    [],
    'text',
    undefined,
  ])('by an operator is accepted without one: %j', (sent) => {
    expect(() => checkSent(operator, sent)).not.toThrow();
  });

  it.each([
    { header: { authorization: `Bearer ${SECRET}` } },
    { req_url_template: `http://u/?key=${SECRET}` },
    { body: { deep: [{ key: SECRET }] } },
    { poll: { status: { url: `http://u/${SECRET}` } } },
  ])('is refused to all but an admin where it reads a secret: %j', (sent) => {
    expect(() => checkSent(operator, sent)).toThrow('${secret:…}');
    expect(() => checkSent(registrar, sent)).toThrow('${secret:…}');
    expect(() => checkSent(ROOT, sent)).not.toThrow();
  });
});

describe('the origin of a worker', () => {
  const sealed = { req_url_template: 'https://a.example/v1', sealed_header: { k: 'x' } };
  const named = {
    req_url_template: 'https://a.example/v1',
    sealed_header: null,
    header: { authorization: SECRET },
  };
  const open = { req_url_template: 'https://a.example/v1', sealed_header: null };

  it('is not changed by an operator while there are credentials, stored or named', () => {
    for (const row of [sealed, named])
      for (const sent of [
        { req_url_template: 'https://b.example/v1' },
        { req_url_template: 'http://a.example/v1' },
        { req_url_template: 'https://a.example:8443/v1' },
        { poll: { origins: ['https://b.example'] } },
      ])
        expect(() => checkMoved(operator, row, sent)).toThrow('another origin');
  });

  it('may be changed by others, and the path by an operator, too', () => {
    const moved = { req_url_template: 'https://b.example/v1' };
    expect(() => checkMoved(ROOT, sealed, moved)).not.toThrow();
    expect(() => checkMoved(registrar, sealed, moved)).not.toThrow();
    expect(() => checkMoved(operator, open, moved)).not.toThrow();
    expect(() =>
      checkMoved(operator, sealed, { req_url_template: 'https://a.example/v2', weight: 2 }),
    ).not.toThrow();
  });
});

describe('an event that an operator takes back', () => {
  const open = { req_url_template: 'https://a.example/v1', sealed_header: null, poll: null };
  const sealed = { ...open, sealed_header: 'x' };
  const named = { ...open, header: { authorization: SECRET } };

  it.each([
    ['brings back a stored credential', open, sealed],
    ['brings back another stored credential', sealed, { ...sealed, sealed_header: 'y' }],
    ['brings back a secret', open, named],
    ['moves a secret', named, { ...named, req_url_template: 'https://b.example/v1' }],
    ['lets a step send it elsewhere', sealed, { ...sealed, poll: { origins: ['https://b.example'] } }],
  ])('is refused where it %s', (_what, was, now) => {
    expect(() => checkUndone(operator, was, now)).toThrow('the role operator may not do');
    expect(() => checkUndone(ROOT, was, now)).not.toThrow();
  });

  it.each([
    ['moves no credential', open, { ...open, req_url_template: 'https://b.example/v1' }],
    ['takes a credential away', sealed, open],
    ['leaves the credentials as they are', named, { ...named, weight: 2 }],
  ])('is accepted where it %s', (_what, was, now) => {
    expect(() => checkUndone(operator, was, now)).not.toThrow();
  });
});
