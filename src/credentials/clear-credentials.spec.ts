import { describe, expect, it } from 'vitest';
import { clearCredentials } from './clear-credentials.js';

const URL = 'http://10.0.0.1/x';
const found = (parts: object) => [...clearCredentials({ req_url_template: URL, ...parts }).keys()];

describe('credentials in clear text', () => {
  it.each<[string, object, readonly string[]]>([
    ['in the query of the URL', { req_url_template: `${URL}?a=1&key=AIza1` }, ['req_url_template?key']],
    ['in parameters', { req_param: { api_key: 'x1', token: 'y' } }, ['req_param.api_key', 'req_param.token']],
    [
      'in the query of the probe',
      { health_check: { path: '/h?a=1&api_key=x' } },
      ['health_check.path?api_key'],
    ],
    ['at any depth of the body', { body: { a: [{ 'Api-Key': 'x' }] } }, ['body.a[0].Api-Key']],
    ['under any name in the body', { body: { header: { secret: 'x' } } }, ['body.header.secret']],
    [
      'in the steps of poll, whose headers are sealed',
      {
        poll: {
          status: { url: '/x?sig=1', header: { 'x-api-key': 'sealed' } },
          cancel: [{ body: { secret: 's' } }],
        },
      },
      ['poll.status.url?sig', 'poll.cancel[0].body.secret'],
    ],
    ['beside a reference', { body: { secret: '${secret:A}-and-more' } }, ['body.secret']],
    ['beside a placeholder', { body: { password: 'x{USER_PROMPT}' } }, ['body.password']],
  ])('are found %s', (_where, parts, fields) => {
    expect(found(parts)).toEqual(fields);
  });

  it.each<[string, object]>([
    [
      'references to secrets',
      { body: { api_key: '${secret:KEY}' }, req_url_template: `${URL}?key=\${secret:KEY}` },
    ],
    ['placeholders', { body: { secret: '{USER_PROMPT}' }, req_url_template: `${URL}?token={USER_PROMPT}` }],
    ['words of models', { body: { stop_token: '</s>', token: 'x', key: 'y', max_tokens: 5, keywords: 'a' } }],
    ['values that are no text', { body: { secret: true, password: null } }],
    ['sealed headers of the one step that cancels', { poll: { cancel: { header: { authorization: 'x' } } } }],
    [
      'paths in answers',
      { poll: { keep: { SECRET: 'a.secret' }, result: { keep: { TOKEN: 'token', SECRET: 's' } } } },
    ],
    ['a URL without a query', {}],
  ])('are not: %s', (_what, parts) => {
    expect(found(parts)).toEqual([]);
  });
});
