import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providerJson } from '../../../../test/arbitraries/provider-json.js';
import { ProtocolError, UnsupportedFieldError } from '../../chat/chat-errors.js';
import { geminiEmbeddingRequest, geminiEmbeddings } from './embeddings.js';

describe('Gemini embeddings', () => {
  // https://ai.google.dev/gemini-api/docs/embeddings
  it('are requested as in the documentation, for one text or many', () => {
    const aRequest = (text: string) => ({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text }] },
    });
    const body = (input: unknown, more = {}) =>
      geminiEmbeddingRequest({ input, ...more }, 'gemini-embedding-001');
    expect(body('a')).toEqual({ requests: [aRequest('a')] });
    expect(body(['a', ''])).toEqual({ requests: [aRequest('a'), aRequest('')] });
    expect(body('a', { dimensions: 768 })).toEqual({
      requests: [{ ...aRequest('a'), outputDimensionality: 768 }],
    });
    expect(() => body([[1, 2]])).toThrow(
      new UnsupportedFieldError('input[0]', 'must be text; token arrays are not supported by Gemini workers'),
    );
    expect(() => body(7)).toThrow(UnsupportedFieldError);
  });

  it('are read in order, with their usage if it is reported', () => {
    const body = { embeddings: [{ values: [0.25, -1] }, { values: [1, 2] }] };
    expect(geminiEmbeddings(body)).toEqual({
      text: '[[0.25,-1],[1,2]]',
      toolCalls: [],
      finish: 'stop',
      usage: null,
    });
    expect(geminiEmbeddings({ ...body, usageMetadata: { promptTokenCount: 3 } }).usage).toEqual({
      input: 3,
      output: 0,
    });
  });

  it('throw only ProtocolError for malformed answers', () => {
    const body = fc.oneof(providerJson, fc.record({ embeddings: fc.array(providerJson) }));
    fc.assert(
      fc.property(body, (answer) => {
        let thrown: unknown = null;
        try {
          geminiEmbeddings(answer);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toSatisfy((error) => error === null || error instanceof ProtocolError);
      }),
    );
  });
});
