import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../input/input-errors.js';
import { clearCredentials } from '../../credentials/clear-credentials.js';
import { sealedFor } from '../sealed-headers.js';
import { openSteps, splitSteps } from '../sealed-steps.js';
import { compilePower, type PowerDefinition } from './compile-power.js';
import type { PowerCalls } from './power.js';

const URL = 'http://gpu:8000/v1';
const ready = { path: '/health' };
const secretsFor = (origin: string) => (name: string) => `${name} for ${origin}`;

function compiled(fields: Partial<PowerDefinition>, header = {}): PowerCalls {
  const definition = { model_name: 'm', req_url_template: URL, wake: null, sleep: null, asleep_when: null };
  const power = compilePower({ ...definition, ...fields }, header, secretsFor);
  if (power === null) throw new Error('no power');
  return power;
}

function faultsOf(fields: Partial<PowerDefinition>): readonly string[] {
  try {
    compiled(fields);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.details.map(({ field, problem }) => `${field}: ${problem}`);
  }
}

describe('how a worker is woken', () => {
  it('sends the worker headers to its own origin only, with the secrets of each origin', () => {
    const cloud = 'https://cloud.example.com';
    const request = [
      { url: '/wake_up?model={MODEL_NAME}' },
      {
        url: `${cloud}/start`,
        req_type: 'PUT' as const,
        header: { authorization: 'Bearer ${secret:CLOUD}' },
      },
    ];
    const power = compiled({ wake: { request, ready } }, { 'x-api-key': '${secret:GPU}' });
    const [own, other] = power.wake('7');
    expect(own).toMatchObject({ method: 'POST', origin: 'http://gpu:8000', path: '/wake_up?model=m' });
    expect(own?.headers).toMatchObject({ 'x-api-key': 'GPU for http://gpu:8000', 'x-request-id': '7' });
    expect(other).toMatchObject({ method: 'PUT', origin: cloud, path: '/start' });
    expect(other?.headers['authorization']).toBe(`Bearer CLOUD for ${cloud}`);
    expect(Object.keys(other?.headers ?? {})).not.toContain('x-api-key');
  });

  it('knows an answer by its status and its text', () => {
    const { asleepWhen } = compiled({
      wake: { request: { url: '/w' }, ready },
      asleep_when: { path: '/is_sleeping', body_match: '"is_sleeping":true' },
    });
    expect(asleepWhen?.holds({ status: 200, text: '{"is_sleeping":true}' })).toBe(true);
    expect(asleepWhen?.holds({ status: 200, text: '{"is_sleeping":false}' })).toBe(false);
    expect(asleepWhen?.holds({ status: 503, text: '{"is_sleeping":true}' })).toBe(false);
  });

  it.each<[string, Partial<PowerDefinition>, readonly string[]]>([
    ['sleep without wake', { sleep: { request: { url: '/s' }, after_s: 60 } }, ['sleep: needs wake']],
    [
      'sleep of a worker whose tasks are polled',
      { poll: {}, wake: { request: { url: '/w' }, ready }, sleep: { request: { url: '/s' }, after_s: 60 } },
      ['sleep: cannot go with poll'],
    ],
    ['asleep_when without wake', { asleep_when: { path: '/s' } }, ['asleep_when: needs wake']],
    [
      'a URL that is none, and words of a client',
      { wake: { request: [{ url: 'wake' }, { url: '/w?p={USER_PROMPT}' }], ready } },
      [
        'wake.request[0].url: must be a URL, or a path that begins with /',
        'wake.request[1].url: holds {USER_PROMPT}, which is not known here; known are {MODEL_NAME}, {REQUEST_ID}',
      ],
    ],
    [
      'a job, of which a waking has none',
      { wake: { request: { url: '/w?j={JOB_ID}' }, ready } },
      ['wake.request.url: holds {JOB_ID}, which is not known here; known are {MODEL_NAME}, {REQUEST_ID}'],
    ],
    [
      'a placeholder in the host',
      { wake: { request: { url: 'http://{MODEL_NAME}/w' }, ready } },
      ['wake.request.url: '],
    ],
    [
      'a body with GET',
      { wake: { request: { url: '/w', req_type: 'GET', body: { a: 1 } }, ready } },
      ['wake.request.body: is not sent with method GET'],
    ],
  ])('refuses %s', (_, fields, expected) => {
    const faults = faultsOf(fields);
    expect(faults.map((fault, at) => fault.slice(0, expected[at]?.length))).toEqual(expected);
  });
});

describe('credentials of wake and sleep', () => {
  const header = { authorization: 'Bearer abc', accept: 'text/plain' };
  const steps = {
    poll: null,
    wake: { request: [{ url: '/a' }, { url: '/b', header }], ready },
    sleep: { request: { url: '/s', header }, after_s: 60 },
  };

  it('are sealed apart from the rest, and opened again', () => {
    const { shown, sensitive } = splitSteps(steps);
    expect(sensitive).toEqual({
      'wake.request[1]:authorization': 'Bearer abc',
      'sleep.request:authorization': 'Bearer abc',
    });
    expect(JSON.stringify(shown)).not.toContain('abc');
    expect(openSteps(shown, sensitive)).toEqual(steps);
  });

  it('are found where they would be stored in clear text', () => {
    const found = clearCredentials({
      req_url_template: URL,
      wake: {
        ...steps.wake,
        request: { url: '/w?token=abc', header, body: { api_key: 'abc' } },
        ready: { path: '/r?sig=abc' },
      },
      asleep_when: { path: '/a?key=abc' },
    });
    expect([...found.keys()].toSorted()).toEqual([
      'asleep_when.path?key',
      'wake.ready.path?sig',
      'wake.request.body.api_key',
      'wake.request.url?token',
    ]);
  });

  it('are sealed for every origin to which the definition sends', () => {
    const wake = { request: { url: 'https://cloud.example.com/start' }, ready };
    expect(sealedFor({ req_url_template: URL, wake })).toBe('http://gpu:8000, https://cloud.example.com');
    expect(sealedFor({ req_url_template: URL, wake: steps.wake })).toBe('http://gpu:8000');
  });
});
