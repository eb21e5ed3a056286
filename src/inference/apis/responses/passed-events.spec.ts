import { describe, expect, it } from 'vitest';
import { keptIds } from './kept-responses.js';
import { failedEvent } from './passed-events.js';

const BROKEN = { code: 'server_error', message: 'it broke' };

const FALLBACK = { id: 'resp_ours', object: 'response', output: [] };
const events = (...bodies: readonly object[]): Buffer =>
  Buffer.from(bodies.map((body) => `data: ${JSON.stringify(body)}\n\n`).join(''));
const lastOf = (text: string): unknown => JSON.parse(text.slice(text.indexOf('{')));

describe('The event of a passed stream that broke', () => {
  it('goes on with the response and the numbers of the server', () => {
    const first = events({
      type: 'response.created',
      sequence_number: 3,
      response: { id: 'resp_1', output: [] },
    });
    const last = events({ sequence_number: 8 }, { sequence_number: 9 }, { type: 'keepalive' });
    const text = failedEvent(first, last, FALLBACK, BROKEN);
    expect(text).toMatch(/^event: response\.failed\ndata: .+\n\n$/);
    expect(lastOf(text)).toEqual({
      type: 'response.failed',
      sequence_number: 10,
      response: {
        id: 'resp_1',
        output: [],
        status: 'failed',
        error: { code: 'server_error', message: 'it broke' },
      },
    });
  });

  it.each([
    ['no event came', null],
    ['the server counts none', events({ type: 'ping' })],
    ['its events are no JSON', Buffer.from('data: {"sequence_number": 4\n\n')],
  ])('is the first of its numbers where %s', (_why, seen) => {
    expect(lastOf(failedEvent(seen, seen, FALLBACK, BROKEN))).toMatchObject({
      sequence_number: 0,
      response: { id: 'resp_ours', status: 'failed' },
    });
  });
});

describe('The ids that a server keeps', () => {
  const response = {
    id: 'resp_1',
    conversation: { id: 'conv_1' },
    output: [{ id: 'rs_1' }, { id: 'msg_1' }, { type: 'unknown' }, null],
  };
  const ids = ['resp_1', 'conv_1', 'rs_1', 'msg_1'];

  it('are those of the response, its conversation and its items, each once', () => {
    expect(keptIds(Buffer.from(JSON.stringify(response)), false)).toEqual(ids);
    const [begun, done] = [{ response: { id: 'resp_1', output: [] } }, { response }];
    expect(keptIds(events(begun, { delta: 'x' }, done), true)).toEqual(ids);
  });

  it.each([
    ['a response that is not stored', JSON.stringify({ ...response, store: false })],
    ['what is no response', '[]'],
    ['what is no JSON', '{'],
  ])('are none of %s', (_what, text) => {
    expect(keptIds(Buffer.from(text), false)).toEqual([]);
  });
});
