import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../input/input-errors.js';
import { rejectionOf } from '../chat/rejection.js';
import type { OpenAiChat } from '../chat/chat.js';
import { isPathMissing, missingPath } from './missing-path.js';

const read = (status: number, body: string, type = 'application/json') =>
  rejectionOf(status, { 'content-type': type }, Buffer.from(body), 'openai');
const CHAT: OpenAiChat = { model: 'm', messages: [] };

describe('a rejection', () => {
  it.each<readonly [string, number, string, string]>([
    ['FastAPI, as vLLM and SGLang', 404, '{"detail":"Not Found"}', 'application/json'],
    ['FastAPI', 405, '{"detail":"Method Not Allowed"}', 'application/json'],
    [
      'llama.cpp',
      404,
      '{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}',
      'application/json',
    ],
    ['Ollama, in Go', 404, '404 page not found', 'text/plain'],
    ['Express', 404, '{"error":"Cannot POST /v1/responses"}', 'application/json'],
    [
      'OpenAI',
      404,
      '{"error":{"message":"Invalid URL (POST /v1/completion)","type":"invalid_request_error","param":null,"code":null}}',
      'application/json',
    ],
    [
      'Groq',
      404,
      '{"error":{"message":"Unknown request URL: POST /openai/v1/completions. Please check the URL for typos.","type":"invalid_request_error","code":"unknown_url"}}',
      'application/json',
    ],
    ['nginx', 404, '<html><h1>404 Not Found</h1></html>', 'text/html'],
    ['a server without words', 404, '', 'text/plain'],
  ])('of %s says that the path is missing', (_server, status, body, type) => {
    expect(isPathMissing(read(status, body, type))).toBe(true);
  });

  it.each([
    [
      404,
      '{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}}',
    ],
    [404, '{"error":{"message":"Response with id \'resp_1\' not found.","type":"invalid_request_error"}}'],
    [404, '{"error":{"message":"This is a chat model and not supported in the v1/completions endpoint."}}'],
    [400, '{"detail":"Not Found"}'],
    [500, ''],
  ])('of status %i with %s does not', (status, body) => {
    expect(isPathMissing(read(status, body))).toBe(false);
  });

  it('becomes a 400 that names the fields which only such a server answers, or a 404 that names the endpoint', () => {
    const fault = new InvalidInputError([{ field: 'background', problem: 'must be false' }]);
    const refusing = () => {
      throw fault;
    };
    const bare = read(404, '{"detail":"Not Found"}');
    const named = missingPath(bare, { path: '/responses' }, { model: 'm', openAi: refusing });
    expect([named.status, named.exposed?.message]).toEqual([400, 'background: must be false']);
    const plain = missingPath(bare, { path: '/completions' }, { model: 'm', openAi: () => CHAT });
    expect([plain.status, plain.kind, plain.exposed?.message]).toEqual([
      404,
      'path_missing',
      'model(m) has no /v1/completions: its worker answered 404; use /v1/chat/completions',
    ]);
  });
});
