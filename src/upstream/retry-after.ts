import { type Fields, isJsonObject } from '../input/json.js';
import type { AnswerHeaders } from './headers.js';

/** The OpenAI and Anthropic packages read the first; Azure sends the second, too [azure-core, RetryPolicy]. */
const IN_MS = ['retry-after-ms', 'x-ms-retry-after-ms'];

/**
 * What is left of a limit, and when it is full again:
 * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, https://console.groq.com/docs/rate-limits,
 * https://platform.claude.com/docs/en/api/rate-limits#response-headers, https://openrouter.ai/docs/api-reference/limits
 */
const LIMITS: readonly (readonly [remaining: string, reset: string])[] = [
  ['x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
  ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'],
  ['anthropic-ratelimit-requests-remaining', 'anthropic-ratelimit-requests-reset'],
  ['anthropic-ratelimit-tokens-remaining', 'anthropic-ratelimit-tokens-reset'],
  ['anthropic-ratelimit-input-tokens-remaining', 'anthropic-ratelimit-input-tokens-reset'],
  ['anthropic-ratelimit-output-tokens-remaining', 'anthropic-ratelimit-output-tokens-reset'],
  ['x-ratelimit-remaining', 'x-ratelimit-reset'],
  ['ratelimit-remaining', 'ratelimit-reset'],
];

const NUMBER = /^\d{1,9}(?:\.\d{1,9})?$/;
const EPOCH = /^\d{10,13}$/;
/** `6m0s`, `1m30.951s`, `20ms`, as Go writes durations. */
const DURATION =
  /^(?:(\d{1,5})h)?(?:(\d{1,5})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;

/** When a server wants the next request, from now on [RFC 9110, 10.2.3], fractions of a second included; `null`: it does not say. */
export function retryAfterMs(headers: AnswerHeaders, nowMs: number): number | null {
  for (const name of IN_MS) {
    const text = textOf(headers[name]);
    if (NUMBER.test(text)) return Number(text);
  }
  const text = textOf(headers['retry-after']);
  return NUMBER.test(text) ? Number(text) * 1000 : untilDate(text, nowMs);
}

/** The same for an answer that rejects a request: its headers, Google's error body, or the limits that are used up. */
export function rejectedForMs(headers: AnswerHeaders, body: unknown, nowMs: number): number | null {
  return retryAfterMs(headers, nowMs) ?? inErrorDetails(body) ?? untilReset(headers, nowMs);
}

/** `google.rpc.RetryInfo`, in place of a header: https://cloud.google.com/apis/design/errors#error_details */
function inErrorDetails(body: unknown): number | null {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  const error = isJsonObject(first) ? first['error'] : null;
  const details = isJsonObject(error) ? error['details'] : null;
  if (!Array.isArray(details)) return null;
  const info = (details as unknown[])
    .filter(isJsonObject)
    .find((detail: Fields) => typeof detail['retryDelay'] === 'string');
  return info === undefined ? null : durationMs(String(info['retryDelay']));
}

/** The longest of those that are used up. */
function untilReset(headers: AnswerHeaders, nowMs: number): number | null {
  const waits = LIMITS.filter(([remaining]) => textOf(headers[remaining]) === '0')
    .map(([, reset]) => resetMs(textOf(headers[reset]), nowMs))
    .filter((ms) => ms !== null);
  return waits.length === 0 ? null : Math.max(...waits);
}

/** Seconds, a duration, a date, or a time since 1970 in seconds or milliseconds. */
function resetMs(text: string, nowMs: number): number | null {
  if (EPOCH.test(text)) return Math.max(0, Number(text) * (text.length === 10 ? 1000 : 1) - nowMs);
  if (NUMBER.test(text)) return Number(text) * 1000;
  return durationMs(text) ?? untilDate(text, nowMs);
}

function durationMs(text: string): number | null {
  const parts = DURATION.exec(text);
  if (text === '' || parts === null) return null;
  const [, hours = 0, minutes = 0, seconds = 0, ms = 0] = parts;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(ms);
}

/** Text without letters is no date: Date.parse would read `1.5` as a day of 2001. */
function untilDate(text: string, nowMs: number): number | null {
  const at = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

function textOf(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value.trim() : '';
}
