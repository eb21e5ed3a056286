import { describe, expect, it } from 'vitest';
import { keptFields, keptIds } from './kept-messages.js';

describe('What a server of Anthropic keeps of a message', () => {
  it.each([
    ['an ordinary message', undefined, undefined, {}, false],
    [
      'an ordinary message of a beta',
      undefined,
      undefined,
      { 'anthropic-beta': 'context-1m-2025-08-07' },
      false,
    ],
    ['a thread', { type: 'create' }, undefined, {}, true],
    ['a container', undefined, 'container_1', {}, true],
    ['code that runs', undefined, undefined, { 'anthropic-beta': 'a,code-execution-2025-08-25' }, true],
  ])('is looked at for %s: %s', (_what, thread, container, headers, isLookedAt) => {
    expect(keptFields(thread, container, headers) !== null).toBe(isLookedAt);
  });

  it('is its container, and the message itself where it is part of a thread', () => {
    const container = { id: 'container_1', expires_at: 'soon' };
    const whole = Buffer.from(JSON.stringify({ id: 'msg_1', container }));
    expect(keptIds(whole, false, false)).toEqual(['container_1']);
    expect(keptIds(whole, false, true)).toEqual(['msg_1', 'container_1']);
    const events = [
      { type: 'message_start', message: { id: 'msg_1', container: null } },
      { type: 'content_block_delta', delta: { text: 'msg_2' } },
      { type: 'message_delta', delta: { container } },
    ];
    const bytes = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    expect(keptIds(bytes, true, true)).toEqual(['msg_1', 'container_1']);
    expect(keptIds(bytes, true, false)).toEqual(['container_1']);
  });
});
