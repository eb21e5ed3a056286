import type { FastifyReply } from 'fastify';
import type { AnswerHeaders } from '../../upstream/exchange.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { errorEvent } from '../replies.js';
import { EventBoundary } from '../streams/event-boundary.js';
import { SseResponse } from '../streams/sse-response.js';

/** What of an upstream's headers speaks to the caller: of the body, of when to come back, and of his limits. */
const PASSED_BACK =
  /^(content-type|content-disposition|retry-after|retry-after-ms|x-ratelimit-.+|openai-.+)$/;

/** Sends an upstream's answer as it is: status, what of its headers speaks to the caller, every byte. */
export function passWhole(http: FastifyReply, status: number, headers: AnswerHeaders, bytes: Buffer): void {
  passHeaders(http, headers);
  http.code(status).send(bytes);
}

/**
 * Relays an upstream's stream as it comes: its events byte for byte, with a sign of life in between; anything else piece
 * by piece. Resolves after the last byte. @returns its size in bytes @throws UpstreamError when it broke off: the caller saw it
 */
export async function passStream(http: FastifyReply, answer: OpenAnswer): Promise<number> {
  passHeaders(http, answer.headers);
  http.code(answer.status);
  const isEvents = /^\s*text\/event-stream\b/i.test(String(answer.headers['content-type'] ?? ''));
  return isEvents ? passEvents(http, answer) : passBytes(http, answer);
}

async function passEvents(http: FastifyReply, answer: OpenAnswer): Promise<number> {
  const response = new SseResponse(http, () => answer.resume());
  const boundary = new EventBoundary();
  let size = 0;
  try {
    await answer.relayTo({
      chunk: (chunk) => {
        size += chunk.length;
        return response.write(boundary.push(chunk));
      },
    });
  } catch (error) {
    http.request.facts.errorType = 'worker_bad_answer';
    // What stands half is no event, and nobody can read it.
    response.write(errorEvent(error));
    response.end();
    throw error;
  }
  response.write(boundary.rest());
  response.end();
  return size;
}

async function passBytes(http: FastifyReply, answer: OpenAnswer): Promise<number> {
  http.hijack();
  const { raw } = http;
  const { 'content-length': length, 'content-encoding': coding } = answer.headers;
  raw.writeHead(http.statusCode, {
    ...(http.getHeaders() as Record<string, string>),
    ...(length === undefined ? {} : { 'content-length': String(length) }),
    ...(coding === undefined ? {} : { 'content-encoding': String(coding) }),
  });
  raw.on('drain', () => answer.resume());
  let size = 0;
  try {
    await answer.relayTo({
      chunk: (chunk) => {
        size += chunk.length;
        return raw.write(chunk);
      },
    });
  } catch (error) {
    http.request.facts.errorType = 'worker_bad_answer';
    // There is no other way to say that this is not all of it.
    raw.destroy();
    throw error;
  }
  raw.end();
  return size;
}

function passHeaders(http: FastifyReply, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && PASSED_BACK.test(name)) http.header(name, value);
}
