import type { FastifyReply } from 'fastify';
import type { AnswerHeaders } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { errorTypeOf, FAILURES, UpstreamError } from '../../upstream/failure.js';
import { EventBoundary } from '../streams/event-boundary.js';
import { recordUsage } from '../client/client-response.js';
import { SseResponse } from '../streams/sse-response.js';
import { BYTES_PER_TOKEN, UsageScanner } from './usage-scanner.js';
import type { StreamMonitor } from './stream-monitor.js';

/**
 * What of an upstream's headers speaks to the caller: of the body, of when to come back, of his limits, and by what name
 * Anthropic, whose clients show it, knows this answer.
 */
const PASSED_BACK =
  /^(content-type|content-disposition|retry-after|retry-after-ms|x-ratelimit-.+|openai-.+|anthropic-ratelimit-.+|request-id)$/;

const NOTHING = Buffer.alloc(0);

/** Sends an upstream's answer as it is: status, what of its headers speaks to the caller, every byte. */
export function sendUnchanged(
  http: FastifyReply,
  status: number,
  headers: AnswerHeaders,
  bytes: Buffer,
): void {
  copyHeaders(http, headers);
  http.code(status).send(bytes);
}

/**
 * Relays an upstream's stream as it comes: its events byte for byte, with a sign of life in between; anything else piece
 * by piece. Resolves after the last byte. @returns its size in tokens of output @throws UpstreamError when it broke off: the caller saw it
 */
export async function proxyStream(
  http: FastifyReply,
  answer: OpenAnswer,
  watch: StreamMonitor,
): Promise<number> {
  copyHeaders(http, answer.headers);
  http.code(answer.status);
  return isEvents(answer.headers) ? proxyEvents(http, answer, watch) : proxyBytes(http, answer);
}

/** In a coding that nobody here knows, where its events end cannot be seen; others were taken away. */
function isEvents({ 'content-type': type, 'content-encoding': coding }: AnswerHeaders): boolean {
  const isPlain = coding === undefined || coding === 'identity';
  return isPlain && /^\s*text\/event-stream\b/i.test(String(type ?? ''));
}

async function proxyEvents(http: FastifyReply, answer: OpenAnswer, watch: StreamMonitor): Promise<number> {
  const response = new SseResponse(http, () => answer.resume());
  const boundary = new EventBoundary();
  const tokens = new UsageScanner(true);
  const { facts } = http.request;
  const pass = (events: Buffer): boolean => {
    if (events.length === 0) return true;
    watch.scan(events);
    // At once: a caller who hears of an error most often hangs up.
    if (watch.failure !== null) facts.errorType ??= FAILURES.bad_answer.errorType;
    tokens.scan(events);
    return response.write(events, boundary.isWithin);
  };
  try {
    await answer.pipeTo({
      chunk: (chunk) => pass(boundary.push(chunk)),
    });
    const rest = boundary.rest();
    if (isCutOff(rest, answer.headers, watch)) throw cutOff(rest);
    pass(rest);
    if (watch.isCutShort) throw cutOff(NOTHING);
  } catch (error) {
    if (watch.failure === null) {
      // Nothing of the answer is missing.
      if (watch.isEnded) return tokens.output;
      facts.errorType ??= errorTypeOf(error);
      // What stands half is no event, and nobody can read it.
      response.write((boundary.isWithin ? '\n\n' : '') + watch.ends.error(error, http.request.id));
      throw error;
    }
  } finally {
    recordUsage(facts, tokens.usage);
    response.end();
  }
  if (watch.failure === null) return tokens.output;
  // The caller has heard it from the worker itself; who picks workers has not.
  throw new UpstreamError('bad_answer', `the stream reported an error: ${watch.failure}`);
}

function isCutOff(rest: Buffer, headers: AnswerHeaders, { ends, isEnded, hasError }: StreamMonitor): boolean {
  if (isEnded || hasError || (rest.length > 0 && ends.isEnd(rest))) return false;
  // Without a length and without chunks, a body that was cut ends as one that is complete [RFC 9112, 6.3].
  const saysItsEnd = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
  return ends.isSure || (rest.length > 0 && !saysItsEnd);
}

function cutOff(rest: Buffer): UpstreamError {
  const where = rest.length > 0 ? 'an event' : 'the answer';
  return new UpstreamError('broken', `the upstream closed its connection in the middle of ${where}`);
}

async function proxyBytes(http: FastifyReply, answer: OpenAnswer): Promise<number> {
  http.header('cache-control', 'no-cache, no-transform').header('x-accel-buffering', 'no');
  http.hijack();
  const { raw } = http;
  const { 'content-length': length, 'content-encoding': coding } = answer.headers;
  raw.writeHead(http.statusCode, {
    ...(http.getHeaders() as Record<string, string>),
    ...(length === undefined ? {} : { 'content-length': String(length) }),
    ...(coding === undefined ? {} : { 'content-encoding': String(coding) }),
  });
  const resume = (): void => answer.resume();
  raw.on('drain', resume).once('close', resume);
  let size = 0;
  try {
    await answer.pipeTo({
      chunk: (chunk) => {
        size += chunk.length;
        // A reader who is gone holds up nobody.
        return raw.destroyed || raw.write(chunk);
      },
    });
  } catch (error) {
    http.request.facts.errorType = errorTypeOf(error);
    // There is no other way to say that this is not all of it.
    raw.destroy();
    throw error;
  }
  raw.end();
  return size / BYTES_PER_TOKEN;
}

function copyHeaders(http: FastifyReply, headers: AnswerHeaders): void {
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && PASSED_BACK.test(name)) http.header(name, value);
}
