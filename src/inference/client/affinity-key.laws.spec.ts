import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  affinityKeyOf,
  bodyAffinityKey,
  chatAffinityKey,
  type ChatStart,
  SESSION_HEADERS,
} from './affinity-key.js';

const keyOf = (body: unknown): string => bodyAffinityKey(Buffer.from(JSON.stringify(body)));

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const later = fc.array(
  fc.record({ role: fc.constantFrom('assistant', 'user', 'tool', 'system'), content: text }),
  { maxLength: 4 },
);
const tools = fc.option(fc.array(fc.record({ name: text }), { minLength: 1, maxLength: 3 }), {
  nil: undefined,
});
const openAi = (system: string, first: string, its: unknown, more: ChatStart['messages'] = []) => ({
  model: 'm',
  messages: [{ role: 'system', content: system }, { role: 'user', content: first }, ...more],
  tools: its,
});

describe('the affinity key of a body', () => {
  it('stays the same in every later turn', () => {
    fc.assert(
      fc.property(text, text, tools, later, (system, first, its, more) => {
        expect(keyOf(openAi(system, first, its, more))).toBe(keyOf(openAi(system, first, its)));
      }),
    );
  });

  it('is the same for a chat, a response, a message of Anthropic, and a parsed chat', () => {
    fc.assert(
      fc.property(text, text, tools, later, (system, first, its, more) => {
        const chat = openAi(system, first, its, more);
        const turns = [{ role: 'user', content: [{ type: 'text', text: first }] }, ...more];
        const key = keyOf(chat);
        expect(keyOf({ instructions: system, input: turns, tools: its })).toBe(key);
        expect(keyOf({ tools: its, messages: turns, system: [{ type: 'text', text: system }] })).toBe(key);
        expect(chatAffinityKey(chat)).toBe(key);
      }),
    );
  });

  it('differs with the system prompt, the first message, the tools and the cache key', () => {
    fc.assert(
      fc.property(text, text, (system, first) => {
        const bodies = [
          openAi(system, first, undefined),
          openAi(`${system}x`, first, undefined),
          openAi(system, `${first}x`, undefined),
          openAi(system, first, [{ name: 'f' }]),
          { ...openAi(system, first, undefined), prompt_cache_key: 'k' },
        ];
        expect(new Set(bodies.map(keyOf)).size).toBe(bodies.length);
      }),
    );
  });

  it('is the same for different questions behind a document of 4,096 characters, in one text or two parts', () => {
    for (const letter of ['d', '文']) {
      const document = letter.repeat(4096);
      const key = keyOf(openAi('s', `${document} What?`, undefined));
      expect(keyOf(openAi('s', `${document} Why?`, undefined))).toBe(key);
      expect(keyOf(openAi('s', `${document.slice(1)} Why?`, undefined))).not.toBe(key);
      const inParts = (question: string) => ({
        messages: [{ role: 'user', content: [{ text: document }, { text: question }] }],
      });
      expect(keyOf(inParts('Why?'))).toBe(keyOf(inParts('What?')));
    }
  });

  it('is the same for a parsed chat, wherever 4,096 characters end', () => {
    const piece = fc.constantFrom('a', '"', '\n', '文', '😀', '\ud83d');
    const long = fc.tuple(fc.integer({ min: 4090, max: 4100 }), fc.array(piece, { maxLength: 12 }));
    fc.assert(
      fc.property(long, fc.boolean(), ([length, end], inParts) => {
        const document = `${'d'.repeat(length)}${end.join('')}`;
        const content = inParts
          ? [
              { type: 'text', text: document },
              { type: 'text', text: 'x' },
            ]
          : document;
        const chat = { messages: [{ role: 'user', content }] };
        expect(chatAffinityKey(chat)).toBe(keyOf(chat));
      }),
    );
  });

  it('does not move with the marks of what a client wants cached', () => {
    const marked = { type: 'text', text: 'hello', cache_control: { type: 'ephemeral' } };
    expect(keyOf({ messages: [{ role: 'user', content: [marked] }] })).toBe(
      keyOf({ messages: [{ role: 'user', content: 'hello' }] }),
    );
  });

  it('differs between images, between prompts and lists of texts', () => {
    const image = (url: string) => ({
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    });
    const keys = [
      image('data:a'),
      image('data:b'),
      { prompt: 'one' },
      { prompt: 'two' },
      { input: ['a', 'b'] },
    ];
    expect(new Set(keys.map(keyOf)).size).toBe(keys.length);
    expect(keyOf({ prompt: ['one'] })).toBe(keyOf({ prompt: 'one' }));
  });

  it('is empty for what begins nothing, and never throws', () => {
    for (const body of [{ model: 'm' }, { messages: [] }, { input: null, tools: null }, [], 'x'])
      expect(keyOf(body)).toBe('');
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, end) => {
        expect(typeof bodyAffinityKey(Buffer.from(`{"messages":${json}}`))).toBe('string');
        expect(typeof bodyAffinityKey(Buffer.from(`{"messages":[{"content":${json}}]}`.slice(0, end)))).toBe(
          'string',
        );
      }),
    );
  });
});

describe('the affinity key of a request', () => {
  it('is the session that a header names, and the body is not read', () => {
    for (const header of SESSION_HEADERS) {
      const key = affinityKeyOf({ [header]: 'one' }, () => expect.fail('read the body'));
      expect(key()).toBe('one');
    }
  });

  it('is found once, without a session from the body', () => {
    let reads = 0;
    const key = affinityKeyOf({ 'x-session-id': '' }, () => `read ${++reads}`);
    expect([key(), key()]).toEqual(['read 1', 'read 1']);
  });
});
