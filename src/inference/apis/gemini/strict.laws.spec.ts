import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyChat, anySchema, wellFormedChat } from '../../../../test/arbitraries/chats.js';
import { geminiFault } from '../../../../test/fakes/strict-gemini.js';
import { isJsonObject } from '../../../input/json.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import { adaptChat } from '../../adapt/adapt-chat.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { geminiRequest } from './backend-request.js';

const MODELS = [
  'gemini-2.0-flash',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-3-pro-preview',
  'gemini-3-flash',
];
const SERVERS = ['gemini', 'vertex'] as const;

/** What the server says of a chat; `null`: it takes it, or a field was named before any call. */
function faultOf(chat: OpenAiChat, server: (typeof SERVERS)[number], model: string, mustPass = false) {
  const profile = profileOf('gemini', model, { vendor: server });
  try {
    const { chat: adapted } = adaptChat({ ...chat, model }, profile);
    return geminiFault(server, model, JSON.parse(JSON.stringify(geminiRequest(adapted, profile))));
  } catch (error) {
    if (error instanceof UnsupportedFieldError && !mustPass) return null;
    throw error;
  }
}

const target = [fc.constantFrom(...SERVERS), fc.constantFrom(...MODELS)] as const;
const objectSchema = anySchema.filter(isJsonObject);
const format = fc.option(
  fc.oneof(
    fc.constant({ type: 'json_object' }),
    objectSchema.map((schema) => ({ type: 'json_schema', json_schema: { name: 'a', schema } })),
  ),
  { nil: undefined },
);
const effort = fc.constantFrom(undefined, 'none', 'minimal', 'low', 'high', 'xhigh');

describe('A strict server of Gemini', () => {
  it('takes every chat whose calls are all answered, of any model', () => {
    fc.assert(
      fc.property(
        wellFormedChat,
        format,
        effort,
        ...target,
        (chat, response_format, reasoning_effort, ...at) => {
          expect(faultOf({ ...chat, response_format, reasoning_effort }, ...at, true)).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes any other chat, or the field is named before any call', () => {
    fc.assert(
      fc.property(anyChat, ...target, (chat, ...at) => {
        expect(faultOf(chat, ...at)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('takes a tool with any schema and any name', () => {
    fc.assert(
      fc.property(anySchema, fc.string({ minLength: 1 }), ...target, (parameters, name, ...at) => {
        const tools = [{ type: 'function' as const, function: { name, parameters: parameters as never } }];
        expect(faultOf({ model: 'm', messages: [{ role: 'user', content: 'hi' }], tools }, ...at)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });
});
