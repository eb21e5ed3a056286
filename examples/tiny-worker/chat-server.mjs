/** OpenAI's chat completions over HTTP, as far as one small model needs them. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { BadRequestError, parseChatRequest } from './chat-request.mjs';

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {import('./language-model.mjs').LanguageModel} LanguageModel
 * @typedef {import('./language-model.mjs').Outcome} Outcome
 * @typedef {import('./chat-request.mjs').ChatRequest} ChatRequest
 */

const MAX_BODY_BYTES = 1024 * 1024;

/** @param {LanguageModel} model */
export function createChatServer(model) {
  return createServer((request, response) => {
    route(model, request, response).catch((error) => fail(response, error));
  });
}

/**
 * @param {LanguageModel} model
 * @param {Request} request
 * @param {Response} response
 */
async function route(model, request, response) {
  switch (`${request.method} ${request.url?.split('?')[0]}`) {
    case 'GET /health':
      return send(response, 200, { status: 'ok' });
    case 'GET /v1/models':
      return send(response, 200, {
        object: 'list',
        data: [{ id: 'tiny', object: 'model', owned_by: 'examples' }],
      });
    case 'POST /v1/chat/completions':
      return complete(model, parseChatRequest(await bodyOf(request)), response);
    default:
      return send(response, 404, errorOf(`${request.method} ${request.url} is not served here`));
  }
}

/**
 * @param {LanguageModel} model
 * @param {ChatRequest} request
 * @param {Response} response
 */
async function complete(model, request, response) {
  const disconnect = new AbortController();
  response.once('close', () => disconnect.abort());
  const answer = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
  if (request.stream) return streamAnswer(model, request, response, disconnect.signal, answer);

  let content = '';
  const outcome = await model.answer(request, disconnect.signal, (text) => {
    content += text;
  });
  send(response, 200, {
    ...answer,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: outcome.finishReason }],
    usage: usageOf(outcome),
  });
}

/**
 * @param {LanguageModel} model
 * @param {ChatRequest} request
 * @param {Response} response
 * @param {AbortSignal} signal
 * @param {object} answer
 */
async function streamAnswer(model, request, response, signal, answer) {
  const write = (/** @type {object} */ event) =>
    response.write(`data: ${JSON.stringify({ ...answer, object: 'chat.completion.chunk', ...event })}\n\n`);
  const chunk = (/** @type {object} */ delta, /** @type {string | null} */ finishReason) =>
    write({ choices: [{ index: 0, delta, finish_reason: finishReason }] });

  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  chunk({ role: 'assistant', content: '' }, null);
  const outcome = await model.answer(request, signal, (content) => chunk({ content }, null));
  chunk({}, outcome.finishReason);
  if (request.includeUsage) write({ choices: [], usage: usageOf(outcome) });
  response.end('data: [DONE]\n\n');
}

/** @param {Outcome} outcome */
function usageOf({ promptTokens, completionTokens }) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** @param {Request} request */
async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new BadRequestError(`the body is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * @param {Response} response
 * @param {unknown} error
 */
function fail(response, error) {
  if (response.destroyed) return; // the client has disconnected
  const isClientError = error instanceof BadRequestError;
  if (!isClientError) console.error(error);
  if (response.headersSent) return response.destroy(); // a broken stream must not look complete
  response.shouldKeepAlive = false; // part of the body may be unread
  send(response, isClientError ? 400 : 500, errorOf(isClientError ? error.message : 'the model failed'));
}

/** @param {string} message */
function errorOf(message) {
  return { error: { message, type: 'invalid_request_error', param: null, code: null } };
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {object} body
 */
function send(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
