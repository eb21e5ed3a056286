import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalIn } from './refusal-in.js';

describe('what an error says', () => {
  it.each<[string, unknown, string | undefined]>([
    ['OpenAI', { error: { message: 'too long', type: 'invalid_request_error' } }, 'too long'],
    // https://platform.claude.com/docs/en/api/errors
    [
      'Anthropic',
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'Overloaded',
    ],
    // https://ai.google.dev/gemini-api/docs/troubleshooting
    ['Gemini', { error: { code: 400, message: 'no', status: 'INVALID_ARGUMENT' } }, 'no'],
    // Of streamGenerateContent, in a list:
    ['Gemini, of a stream', [{ error: { code: 400, message: 'no' } }], 'no'],
    // https://docs.ollama.com/api/errors
    ['Ollama', { error: 'model not found' }, 'model not found'],
    ['nobody', { detail: 'x' }, undefined],
    ['nobody, with no words', { error: { message: '' } }, undefined],
  ])('of %s', (_who, body, said) => {
    expect(refusalIn(JSON.stringify(body))).toBe(said);
  });

  it('is text that is not too long, or nothing, whatever came', () => {
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc.string().map((error) => JSON.stringify({ error })),
    );
    fc.assert(
      fc.property(body, (text) => {
        const said = refusalIn(text);
        expect(said === undefined || (said !== '' && said.length <= 2000)).toBe(true);
      }),
    );
    expect(refusalIn(JSON.stringify({ error: 'x'.repeat(9000) }))).toHaveLength(2000);
  });
});
