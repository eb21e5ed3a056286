import type { FastifyReply } from 'fastify';
import { type AnswerHeaders, isEventStream } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { detailOf, errorTypeOf, UpstreamError } from '../../upstream/failure.js';
import { EventBoundary } from '../streams/event-boundary.js';
import { recordUsage } from '../client/token-counts.js';
import type { ResponseFormat } from '../client/response-format.js';
import { SseResponse } from '../streams/sse-response.js';
import { marksIn } from './event-marks.js';
import type { ImageCounter } from './image-counter.js';
import { BYTES_PER_TOKEN } from '../../usage/used.js';
import { UsageScanner } from './usage-scanner.js';
import type { StreamMonitor } from './stream-monitor.js';

const NOTHING = Buffer.alloc(0);

/**
 * Relays an upstream's stream as it comes: events byte for byte, with heartbeats in between; anything else chunk by chunk.
 * Resolves after the last byte. @returns the answer's size in tokens @throws UpstreamError when it failed: the client saw it
 */
export function proxyStream(
  http: FastifyReply,
  answer: OpenAnswer,
  monitor: StreamMonitor,
  format: ResponseFormat,
): Promise<number> {
  return areEvents(answer.headers) ? proxyEvents(http, answer, monitor, format) : proxyBytes(http, answer);
}

/** Whether an answer is relayed event by event. In an unknown coding their ends cannot be seen; known ones were removed. */
export function areEvents(headers: AnswerHeaders): boolean {
  const { 'content-encoding': coding } = headers;
  return (coding === undefined || coding === 'identity') && isEventStream(headers);
}

async function proxyEvents(
  http: FastifyReply,
  answer: OpenAnswer,
  monitor: StreamMonitor,
  format: ResponseFormat,
): Promise<number> {
  const response = SseResponse.of(http, () => answer.resume());
  const boundary = new EventBoundary();
  const tokens = new UsageScanner(true);
  const { facts } = http.request;
  const pass = (events: Buffer): boolean => {
    if (events.length === 0) return true;
    const marks = marksIn(events);
    monitor.scan(events, marks);
    // At once: a client that reads an error often disconnects.
    if (monitor.failure !== null) facts.errorType ??= errorTypeOf(monitor.failure);
    tokens.scan(events, marks);
    format.passed?.(events);
    return response.write(events, boundary.isWithin);
  };
  try {
    await answer.pipeTo({
      chunk: (chunk) => pass(boundary.push(chunk)),
    });
    const rest = boundary.rest();
    if (isCutOff(rest, answer.headers, monitor)) throw cutOff(rest);
    pass(rest);
    if (monitor.isCutShort) throw cutOff(NOTHING);
  } catch (error) {
    if (monitor.failure === null) {
      // The answer is complete.
      if (monitor.isEnded) return tokens.outputOf(tokens.usage);
      facts.errorType ??= errorTypeOf(error);
      facts.errorDetail = detailOf(error);
      // Ends an event that was cut: it cannot be read.
      response.write((boundary.isWithin ? '\n\n' : '') + format.errorEvent(error, http.request.id));
      throw error;
    }
  } finally {
    const { usage } = tokens;
    recordUsage(facts, usage, tokens.outputOf(usage));
    response.end();
  }
  if (monitor.failure === null) return tokens.outputOf(tokens.usage);
  // The client has seen the error; balancing learns from its type.
  throw monitor.failure;
}

function isCutOff(rest: Buffer, headers: AnswerHeaders, { ends, isEnded, hasError }: StreamMonitor): boolean {
  if (isEnded || hasError || (rest.length > 0 && ends.isEnd(rest))) return false;
  // Without a length and without chunks, a cut body ends like a complete one [RFC 9112, 6.3].
  const hasMarkedEnd = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
  return ends.isSure || (rest.length > 0 && !hasMarkedEnd);
}

function cutOff(rest: Buffer): UpstreamError {
  const where = rest.length > 0 ? 'an event' : 'the answer';
  return new UpstreamError('broken', `the upstream closed its connection in the middle of ${where}`);
}

/** Relays an answer that was requested whole and is large. @returns its size in tokens @throws UpstreamError: the client saw it */
export async function proxyLarge(
  http: FastifyReply,
  answer: OpenAnswer,
  images: ImageCounter | null,
): Promise<number> {
  const tokens = new UsageScanner(false);
  try {
    await proxyBytes(http, answer, (chunk) => {
      tokens.scanPart(chunk);
      images?.scan(chunk);
    });
  } finally {
    const { usage } = tokens;
    recordUsage(http.request.facts, usage, tokens.outputOf(usage));
    http.request.facts.images = images?.count ?? null;
  }
  return tokens.outputOf(tokens.usage);
}

async function proxyBytes(
  http: FastifyReply,
  answer: OpenAnswer,
  look: ((chunk: Buffer) => void) | null = null,
): Promise<number> {
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
        look?.(chunk);
        // A client that disconnected never pauses the upstream.
        return raw.destroyed || raw.write(chunk);
      },
    });
  } catch (error) {
    http.request.facts.errorType = errorTypeOf(error);
    http.request.facts.errorDetail = detailOf(error);
    // The only way to show that the body is incomplete.
    raw.destroy();
    throw error;
  }
  raw.end();
  return size / BYTES_PER_TOKEN;
}
