import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RegisterWorkerDto, TimeoutsDto } from '../../src/registry/register-worker.dto.js';
import { FIELDS } from '../../src/registry/worker-fields.js';
import { aWorker } from '../fixtures/worker.js';
import { call } from './client.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';

type Settable = keyof RegisterWorkerDto;

interface Sample {
  /** The value in a registration, and the value that a PATCH sets. */
  readonly values: readonly [unknown, unknown];
  /** The columns that the history names; the field itself by default. */
  readonly columns?: readonly string[];
  /** Other fields that the field requires. */
  readonly besides?: Readonly<Record<string, unknown>>;
}

const TIMEOUTS = {
  connect_ms: 11,
  first_byte_ms: 12,
  idle_ms: 13,
  total_ms: 14,
} satisfies Required<TimeoutsDto>;
/** A word may be null: nothing stands there. */
const poll = (done: string) => ({
  keep: { TASK_ID: 'id' },
  status: { method: 'POST', url: '/tasks', body: { id: '{TASK_ID}' } },
  state: { path: 'state', running: [null, 'RUNNING'], done: [done] },
  result: { extract: 'url', as: 'url' },
});
const wake = { request: { url: '/wake_up' }, ready: { path: '/health' } };
const API = { protocol: 'openai', body: undefined, response_extract: undefined };

/** A field of a registration without a sample does not compile. */
const SAMPLES: { readonly [Field in Settable]-?: Sample } = {
  model_name: { values: ['fields-a', 'fields-b'] },
  name: { values: ['a', 'b'] },
  req_url_template: { values: ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'] },
  owner: { values: ['a', 'b'] },
  protocol: { values: ['openai', 'anthropic'], besides: API },
  task: { values: ['embedding', 'image'] },
  worker_type: { values: ['LOCAL', 'REMOTE'] },
  req_type: { values: ['GET', 'POST'], besides: { body: undefined, req_param: { q: '{USER_PROMPT}' } } },
  header: { values: [{ 'x-title': 'a' }, { 'x-title': 'b' }] },
  body: {
    values: [
      { p: '{USER_PROMPT}', n: 1 },
      { p: '{USER_PROMPT}', n: 2 },
    ],
  },
  body_format: { values: ['form', 'json'] },
  req_param: { values: [{ a: 1 }, { a: 2 }] },
  response_extract: { values: ['a.b', 'a.c'] },
  success_when: {
    values: [
      { path: 'ok', equals: true },
      { path: 'ok', equals: 'yes' },
    ],
  },
  is_stream: { values: [true, false] },
  stream_extract: { values: [{ text: 'a' }, { text: 'b' }], besides: { is_stream: true } },
  usage_extract: {
    values: [
      { input: 'a', output: 'b' },
      { input: 'c', output: 'b' },
    ],
  },
  upstream_model: { values: ['a', 'b'] },
  defaults: { values: [{ temperature: 1 }, { temperature: 2 }] },
  poll: {
    values: [poll('SUCCEEDED'), poll('DONE')],
    besides: { response_extract: undefined },
  },
  wake: {
    values: [
      wake,
      {
        request: [{ url: '/a', body: { level: null } }, { url: '/b' }],
        ready: { path: '/b', expected_status: 204 },
      },
    ],
  },
  sleep: {
    values: [
      { request: { url: '/sleep' }, after_s: 300 },
      { request: { url: '/sleep', header: { 'x-title': 'a' } }, after_s: 600 },
    ],
    besides: { wake },
  },
  asleep_when: {
    values: [
      { path: '/is_sleeping', body_match: 'true' },
      { path: '/is_sleeping', body_match: '1' },
    ],
    besides: { wake },
  },
  choices: {
    values: [{ N: [1, 2] }, { N: { 1: 'one' } }],
    besides: { body: { p: '{USER_PROMPT}', n: '{N}' } },
  },
  profile: {
    values: [{ vendor: 'mistral' }, { max_output_tokens: 100, rejects: ['seed'] }],
    besides: API,
  },
  weight: { values: [2, 3] },
  priority: { values: [2, 3] },
  max_concurrency: { values: [2, 3] },
  labels: { values: [{ a: '1' }, { a: '2' }] },
  timeouts: {
    values: [TIMEOUTS, { connect_ms: 21, first_byte_ms: 22, idle_ms: 23, total_ms: 24 }],
    columns: Object.keys(TIMEOUTS),
  },
  on_disconnect: { values: ['finish', 'abort'] },
  health_check: { values: [{ path: '/a' }, { path: '/b' }] },
  heartbeat_ttl_s: { values: [60, 120] },
};

const SETTABLE = Object.entries(FIELDS)
  .filter(([, field]) => 'setBy' in field && field.setBy === 'registration')
  .map(([name]) => name as Settable);

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

let made = 0;
/** A registration of its own for each test, in which `field` has its first value. */
function registrationWith(field: Settable): Readonly<Record<string, unknown>> {
  const { values, besides } = SAMPLES[field];
  const registration = aWorker(
    { url: 'http://127.0.0.1:9' },
    { name: `w${++made}`, ...besides, [field]: values[0] },
  );
  return JSON.parse(JSON.stringify(registration)) as Readonly<Record<string, unknown>>;
}

const changesOf = async (id: string) =>
  (
    await service.database.query<{ detail: string }>(
      `SELECT note AS detail FROM event WHERE subject_id = $1 AND kind = 'changed' ORDER BY id`,
      [id],
    )
  ).map(({ detail }) => detail.split(', '));

describe('every field of a registration', () => {
  it('has an entry in FIELDS and a sample here', () => {
    expect(SETTABLE.toSorted()).toEqual(Object.keys(SAMPLES).toSorted());
  });

  it.each(SETTABLE)('is stored, shown and kept by an equal PUT: %s', async (field) => {
    const registration = registrationWith(field);
    const { status, worker } = await call(service, 'POST', '', registration);
    expect([status, worker]).toMatchObject([201, { [field]: SAMPLES[field].values[0] }]);
    const read = await call(service, 'GET', `/${worker.id}`);
    expect(read.worker).toMatchObject({ [field]: SAMPLES[field].values[0], generation: 1 });
    const again = await call(service, 'PUT', '', registration);
    expect([again.status, again.worker.id, again.worker.generation]).toEqual([200, worker.id, 1]);
  });

  it.each(SETTABLE)(
    'is changed by PATCH, kept by a PATCH of another field, and recorded: %s',
    async (field) => {
      const { values, columns = [field] } = SAMPLES[field];
      const { id } = (await call(service, 'POST', '', registrationWith(field))).worker;
      const patched = await call(service, 'PATCH', `/${id}`, { [field]: values[1] });
      expect([patched.status, patched.worker]).toMatchObject([200, { [field]: values[1], generation: 2 }]);
      const other = field === 'owner' ? 'priority' : 'owner';
      const after = await call(service, 'PATCH', `/${id}`, { [other]: SAMPLES[other].values[1] });
      expect([after.status, after.worker]).toMatchObject([200, { [field]: values[1], generation: 3 }]);
      expect(await changesOf(id)).toEqual([expect.arrayContaining([...columns]), [other]]);
    },
  );

  const OPTIONAL = SETTABLE.filter(
    // No worker of the samples can be called without these.
    (field) => 'default' in FIELDS[field] && !['body', 'protocol', 'req_type'].includes(field),
  );
  it.each(OPTIONAL)('is reset to its default by a PATCH with null: %s', async (field) => {
    const { id } = (await call(service, 'POST', '', registrationWith(field))).worker;
    const { worker } = await call(service, 'PATCH', `/${id}`, { [field]: null });
    expect(worker[field]).toEqual((FIELDS[field] as { default: unknown }).default);
  });
});

describe('a field that the service or an operator sets', () => {
  const others = Object.entries(FIELDS).flatMap(([name, field]) =>
    'setBy' in field && field.setBy !== 'registration' ? [[name, field.shownFrom] as const] : [],
  );

  it.each(others)('is shown if FIELDS says so, and cannot be patched: %s', async (name, shownFrom) => {
    const { worker } = await call(service, 'POST', '', registrationWith('owner'));
    expect(name in worker).toBe(shownFrom !== 'never');
    const patched = await call(service, 'PATCH', `/${worker.id}`, { [name]: 'x' });
    expect([patched.status, patched.fields]).toEqual([400, [name]]);
  });
});
