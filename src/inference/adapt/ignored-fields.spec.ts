import { describe, expect, it } from 'vitest';
import type { OpenAiChat } from '../chat/chat.js';
import { profileOf } from '../../registry/profiles/profile.js';
import { takenBody } from '../apis/taken-body.js';
import {
  ignoredByProfile,
  ignoredByTemplate,
  ignoredOfPassed,
  shownFields,
  translated,
} from './ignored-fields.js';

const chat = (more: object): OpenAiChat => ({ model: 'm', messages: [], stream: true, n: 1, ...more });

describe('the fields that a worker has no place for', () => {
  it('of a template are those without a placeholder', () => {
    const sent = chat({ ignore_eos: true, temperature: 1, max_completion_tokens: 5, seed: null });
    expect(ignoredByTemplate(sent, new Set(['MESSAGES']))).toEqual([
      'ignore_eos',
      'temperature',
      'max_completion_tokens',
    ]);
    expect(ignoredByTemplate(sent, new Set(['MODEL_TEMPERATURE', 'MAX_TOKENS']))).toEqual(['ignore_eos']);
  });

  it('of a translation are those that it does not read', () => {
    const sent = chat({ ignore_eos: true, seed: 1, top_p: 1 });
    const read = translated(sent, ({ seed, top_p }) => [seed, top_p]);
    expect(read).toEqual({ result: [1, 1], ignored: ['ignore_eos'] });
    expect(translated(sent, (all) => ({ ...all })).ignored).toEqual([]);
    expect(translated(chat({}), ({ model }) => model)).toEqual({ result: 'm', ignored: [] });
  });

  it('of a profile are those that it takes out, but not a limit under another name', () => {
    const sent = chat({ logit_bias: {}, max_tokens: 5 });
    expect(ignoredByProfile(sent, sent)).toEqual([]);
    expect(ignoredByProfile(sent, chat({ max_completion_tokens: 5 }))).toEqual(['logit_bias']);
  });

  it('of a profile are those that it takes out of a request that is passed through, twice where they are', () => {
    const profile = profileOf('openai', 'm', {
      rejects: ['seed', 'user', 'enableThinking'],
      sampling: 'none',
    });
    const ignored = (body: string) => {
      const before = Buffer.from(body);
      const after = takenBody(before, { dialect: 'openai', path: '/chat/completions' }, profile);
      return [after.toString(), ignoredOfPassed(before, after, profile)];
    };
    expect(ignored('{"seed":1,"user":null,"top_p":1,"x":"seed"}')).toEqual([
      '{"top_p":1,"x":"seed"}',
      ['seed'],
    ]);
    expect(ignored('{"x":1,"seed":1,"seed":2}')).toEqual(['{"x":1}', ['seed']]);
    expect(ignored('{"x":1,"enableThinking":true}')[0]).toBe('{"x":1}');
    expect(ignored('{"x":{"seed":1}}')).toEqual(['{"x":{"seed":1}}', []]);
  });

  it('are shown where a header can hold their names', () => {
    expect(shownFields(['a', 'größe', 'x\r\ny: z', 'b.c-d', ''])).toBe('a, b.c-d');
    expect(shownFields(['ü'])).toBe('');
    expect(shownFields(Array.from({ length: 50 }, (_, at) => `f${at}`)).split(', ')).toHaveLength(20);
  });
});
