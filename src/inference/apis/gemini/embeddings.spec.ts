import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providerJson } from '../../../../test/arbitraries/provider-json.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import type { WorkerProfileDto } from '../../../registry/profiles/profile.dto.js';
import { ProtocolError, UnsupportedFieldError } from '../../chat/chat-errors.js';
import { geminiEmbeddingRequest, geminiEmbeddings } from './embeddings.js';

describe('Gemini embeddings', () => {
  // https://ai.google.dev/gemini-api/docs/embeddings
  it('are requested as in the documentation, for one text or many', () => {
    const aRequest = (text: string) => ({
      model: 'models/gemini-embedding-001',
      content: { parts: [{ text }] },
    });
    const bodies = (texts: readonly unknown[], more = {}, own: WorkerProfileDto = {}) =>
      geminiEmbeddingRequest(
        texts,
        more,
        'gemini-embedding-001',
        profileOf('gemini', 'gemini-embedding-001', own),
      );
    expect(bodies(['a'])).toEqual({
      path: '/models/gemini-embedding-001:batchEmbedContents',
      bodies: [{ requests: [aRequest('a')] }],
      batch: 100,
    });
    expect(bodies(['a', '']).bodies).toEqual([{ requests: [aRequest('a'), aRequest('')] }]);
    expect(bodies(['a'], { dimensions: 768 }).bodies).toEqual([
      { requests: [{ ...aRequest('a'), outputDimensionality: 768 }] },
    ]);
    expect(bodies(['a', 'b', 'c'], {}, { embedding_batch: 2 }).bodies).toEqual([
      { requests: [aRequest('a'), aRequest('b')] },
      { requests: [aRequest('c')] },
    ]);
    expect(() => bodies(['a', [1, 2]])).toThrow(
      new UnsupportedFieldError('input[1]', 'must be text; token arrays are not supported by Gemini workers'),
    );
    expect(() => bodies([7])).toThrow(UnsupportedFieldError);
  });

  // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
  it('are predictions at Vertex AI, whose tokens are counted for each text', () => {
    const profile = profileOf('gemini', 'text-embedding-005', { vendor: 'vertex' });
    const texts = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { path, bodies } = geminiEmbeddingRequest(texts, { dimensions: 2 }, 'text-embedding-005', profile);
    expect(path).toBe('/models/text-embedding-005:predict');
    expect(bodies).toEqual(
      [texts.slice(0, 5), texts.slice(5)].map((part) => ({
        instances: part.map((content) => ({ content })),
        parameters: { outputDimensionality: 2 },
      })),
    );
    const predictions = [1, 2].map((value) => ({
      embeddings: { values: [value], statistics: { token_count: 4, truncated: false } },
    }));
    expect(geminiEmbeddings({ predictions }, 2)).toMatchObject({ text: '[[1],[2]]', usage: { input: 8 } });
  });

  it('are read in order, with their usage if it is reported', () => {
    const body = { embeddings: [{ values: [0.25, -1] }, { values: [1, 2] }] };
    expect(geminiEmbeddings(body, 2)).toEqual({
      text: '[[0.25,-1],[1,2]]',
      toolCalls: [],
      finish: 'stop',
      usage: null,
    });
    expect(geminiEmbeddings({ ...body, usageMetadata: { promptTokenCount: 3 } }, 2).usage).toEqual({
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
          geminiEmbeddings(answer, 1);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toSatisfy((error) => error === null || error instanceof ProtocolError);
      }),
    );
  });
});
