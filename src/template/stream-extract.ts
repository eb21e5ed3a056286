import { isDeepStrictEqual } from 'node:util';
import { parsePath, valueAt } from './json-path.js';
import { compileExtract, parseAnswer } from './response-extract.js';
import { compileFailedEvent, type SuccessRule } from './success-when.js';
import { TemplateError } from './template-error.js';
import { compileUsageExtract, type TokenCounts, type UsageSpec } from './usage-extract.js';

export type StreamFormat = 'sse' | 'ndjson';

/** How the events of a streamed answer are read. Paths are written as a `response_extract`. */
export interface StreamExtractSpec {
  /** Left out: the answer's content type decides. */
  readonly format?: StreamFormat | undefined;
  /** The path of an event's text; empty: the event is the text. */
  readonly text: string;
  /** The event that completes the answer. Left out: the end of the stream or a finish reason does. */
  readonly done?:
    | {
        readonly data?: string | undefined;
        /** Instead of `data`, with `equals`. */
        readonly path?: string | undefined;
        readonly equals?: unknown;
      }
    | undefined;
  readonly finish_reason?: string | undefined;
  readonly usage?: UsageSpec | undefined;
  /** False: each event repeats the whole text so far. */
  readonly delta?: boolean | undefined;
}

/** What one event holds. */
export interface StreamPiece {
  readonly text: string;
  /** This is the end marker. */
  readonly done: boolean;
  readonly finishReason: string | null;
  readonly usage: TokenCounts | null;
  /** It reports an error: by success_when, or in the way most servers do after their headers are sent. */
  readonly failed: boolean;
}

export interface StreamExtract {
  readonly format: StreamFormat | null;
  readonly delta: boolean;
  /** A stream that ends without its marker was cut off. */
  readonly hasEndMark: boolean;
  readonly hasUsage: boolean;
  /** A path without a value is no fault: an event may hold only a role. Throws ExtractError for text that is not JSON. */
  read(data: string): StreamPiece;
}

/** OpenAI's end marker, which is not JSON: it ends a stream of JSON even if no marker is declared. */
const OPENAI_DONE = '[DONE]';
const END: StreamPiece = { text: '', done: true, finishReason: null, usage: null, failed: false };

/** @param success the rule for whole answers of this worker; an event with another value failed. Throws TemplateError naming the column. */
export function compileStreamExtract(
  spec: StreamExtractSpec,
  field = 'stream_extract',
  success: SuccessRule | null = null,
): StreamExtract {
  const text = compileText(spec.text, `${field}.text`);
  const isMark = compileMark(spec, field);
  const isDone = compileDone(spec, field);
  const finish =
    spec.finish_reason === undefined ? null : parsePath(spec.finish_reason, `${field}.finish_reason`);
  const usage = spec.usage === undefined ? null : compileUsageExtract(spec.usage, `${field}.usage`);
  // A value that only the end marker has is denied by the events before it.
  const hasFailed =
    success === null || success.path === spec.done?.path ? () => false : compileFailedEvent(success);
  return {
    format: spec.format ?? null,
    delta: spec.delta ?? true,
    hasEndMark: spec.done !== undefined,
    hasUsage: usage !== null,
    read: (data) => {
      if (isMark(data)) return END;
      const event = spec.text === '' ? maybeJson(data) : parseAnswer(data);
      const reason = finish === null ? null : valueAt(event, finish);
      const content = text(data, event);
      return {
        text: content,
        done: isDone(event),
        finishReason: typeof reason === 'string' ? reason : null,
        usage: usage === null ? null : usage.fromValue(event),
        failed: hasFailed(event) || reportsError(event, content),
      };
    },
  };
}

/**
 * `error` instead of text (Ollama, TGI, vLLM, llama.cpp), or a code that is not 0 with a message in place of the text
 * [lm-sys/FastChat, fastchat/serve/model_worker.py, generate_stream_gate].
 */
function reportsError(event: unknown, content: string): boolean {
  const code = valueAt(event, ['error_code']);
  return (content === '' && Boolean(valueAt(event, ['error']))) || (typeof code === 'number' && code !== 0);
}

function compileText(path: string, field: string): (data: string, event: unknown) => string {
  const extract = compileExtract(path, field);
  if (path === '') return (data) => extract.from(data);
  const steps = parsePath(path, field);
  return (_data, event) => {
    const value = valueAt(event, steps);
    if (typeof value === 'string') return value;
    return value === undefined || value === null ? '' : extract.fromValue(event);
  };
}

function compileMark({ done, text }: StreamExtractSpec, field: string): (data: string) => boolean {
  if (done?.data !== undefined) {
    const mark = done.data.trim();
    if (mark === '')
      throw new TemplateError(`${field}.done.data`, 'must not be empty: every pause would end the answer');
    return (data) => data.trim() === mark;
  }
  return text === '' ? () => false : (data) => data.trim() === OPENAI_DONE;
}

function compileDone({ done }: StreamExtractSpec, field: string): (event: unknown) => boolean {
  if (done === undefined) return () => false;
  const { data, path, equals } = done;
  if (path === undefined) {
    if (data === undefined) throw new TemplateError(`${field}.done`, 'must have data, or path with equals');
    return () => false;
  }
  if (data !== undefined) throw new TemplateError(`${field}.done`, 'must have data or path, not both');
  const steps = parsePath(path, `${field}.done.path`);
  if (equals === undefined)
    throw new TemplateError(
      `${field}.done.equals`,
      'must be a string, a number, true, false or null; it is missing',
    );
  return (event) => isDeepStrictEqual(valueAt(event, steps), equals);
}

/** Raw text: other values are read from it only if it is JSON. */
function maybeJson(data: string): unknown {
  try {
    return parseAnswer(data);
  } catch {
    return undefined;
  }
}
