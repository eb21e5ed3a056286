import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { aPollWorker, compiled } from '../../../../test/fixtures/poll-worker.js';
import type { HttpAnswer, PollCall } from '../../poll.js';

const KNOWN = { MODEL_NAME: 'm', JOB_ID: 'j', REQUEST_ID: 'r', kept: { TASK_ID: 't' } };
const answer = (json: unknown, status = 200, headers: HttpAnswer['headers'] = {}): HttpAnswer => ({
  status,
  headers,
  body: Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)),
});
const poll = (more: object = {}, besides: object = {}): PollCall => {
  const { poll: call } = compiled({ ...besides, poll: { ...aPollWorker().poll, ...more } });
  if (call === null) throw new Error('no poll');
  return call;
};

const word = fc.oneof(
  fc.constantFrom('QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED', 'GONE', 'ODD', '', null),
  fc.jsonValue(),
);
const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      id: fc.jsonValue(),
      status: word,
      progress: fc.oneof(fc.double(), fc.string(), fc.constant('45%'), fc.jsonValue()),
      position: fc.jsonValue(),
      error: fc.jsonValue(),
      url: fc.oneof(fc.webUrl(), fc.string(), fc.constant('data:image/png;base64,AAAA')),
      urls: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
);
const anyAnswer: fc.Arbitrary<HttpAnswer> = fc.record({
  status: fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(200, 200, 200, 404, 429, 503)),
  headers: fc.record(
    { 'retry-after': fc.oneof(fc.string(), fc.constantFrom('3', '-1', '1e9')) },
    { requiredKeys: [] },
  ),
  body: fc.oneof(
    anyJson.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  ),
});

const PLAIN = poll();
const RICH = poll({
  busy_when: { path: 'code', in: [23] },
  state: [
    { path: 'error', failed: 'any' },
    { path: '["{TASK_ID}"][*].status', running: [null], done: [true] },
    { path: 'status', done: ['DONE'], queued: [0] },
  ],
  result: { each: '*', keep: { FILE: 'name' }, request: { url: '/{FILE}' }, extract: 'url', as: 'base64' },
});

describe('any answer at all', () => {
  it.each([
    ['a simple definition', PLAIN],
    ['one with lists of rules and several results', RICH],
  ])('gets exactly one reading of a submit, a status and a result, and none throws: %s', (_, call) => {
    fc.assert(
      fc.property(anyAnswer, (sent) => {
        const status = call.readStatus(sent, KNOWN);
        const done = status.kind === 'done' ? [call.result(status.answer, KNOWN).kind] : [];
        expect(SUBMIT).toContain(call.readSubmit(sent, { ...KNOWN, kept: {} }).kind);
        expect(STATUS).toContain(status.kind);
        expect(RESULT).toContain(call.readResult(sent, KNOWN).kind);
        expect(PLAN).toEqual(expect.arrayContaining(done));
      }),
      { numRuns: 500 },
    );
  });

  it('has a progress and a place in the queue that can be shown, or none', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (progress, position) => {
        const reading = PLAIN.readStatus(answer({ status: 'RUNNING', progress, position }), KNOWN);
        const percents = [null, ...Array.from({ length: 101 }, (_, percent) => percent)];
        const { progress: shown, queuePosition } = reading as { progress: unknown; queuePosition: unknown };
        expect(percents).toContain(shown);
        expect(
          queuePosition === null || (Number.isSafeInteger(queuePosition) && Number(queuePosition) >= 0),
        ).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [2_147_483_647, 2_147_483_647],
    ['3', 3],
    [2_147_483_648, null],
    [1e12, null],
    [-1, null],
    [1.5, null],
  ])('has the place in the queue %s as %s: the database holds 32 bits', (position, shown) => {
    const reading = PLAIN.readStatus(answer({ status: 'RUNNING', position }), KNOWN);
    expect(reading).toMatchObject({ queuePosition: shown });
  });

  it('says something in words where it says that something went wrong', () => {
    fc.assert(
      fc.property(anyAnswer, (sent) => {
        const readings = [
          PLAIN.readSubmit(sent, KNOWN),
          PLAIN.readStatus(sent, KNOWN),
          PLAIN.readResult(sent, KNOWN),
        ];
        const words = readings.flatMap((reading) => {
          if ('message' in reading) return [reading.message];
          return reading.kind === 'again' || reading.kind === 'not_found' ? [reading.note] : [];
        });
        expect(words).not.toContain('');
      }),
      { numRuns: 500 },
    );
  });
});

const SUBMIT = ['accepted', 'busy', 'refused', 'unknown'];
const STATUS = ['queued', 'running', 'done', 'failed', 'cancelled', 'again', 'not_found'];
const PLAN = ['files', 'requests', 'missing'];
const RESULT = ['files', 'bytes', 'again', 'failed', 'missing'];
