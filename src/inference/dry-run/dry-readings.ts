import type {
  Kept,
  ResultFile,
  ResultPlan,
  ResultReading,
  StatusReading,
  SubmitReading,
} from '../../registry/poll.js';
import type { DryRequestDto } from './dry-run.dto.js';

const LONGEST_BASE64 = 100;

/** What an answer means, as a dry run shows it: base64 in short, and no answer twice. */
export function readingOf(reading: SubmitReading | StatusReading | ResultPlan | ResultReading): object {
  const { kind } = reading;
  if (kind === 'done') return { kind, word: reading.word };
  if (kind === 'requests') return { kind, requests: reading.requests.length };
  return kind === 'files' ? { kind, files: reading.files.map(inShort) } : reading;
}

function inShort(file: ResultFile): ResultFile {
  if (file.kind === 'url' || file.base64.length <= LONGEST_BASE64) return file;
  return { ...file, base64: `${file.base64.slice(0, LONGEST_BASE64)}…` };
}

/** Needs no escape in a URL, a header or a body. */
const MARK = /__kept__([A-Z0-9_]+?)__kept__/;

/** Values that show where kept ones stand: names alone, and as URLs at the worker's origin. */
export function marked(names: readonly string[], origin: string): readonly [Kept, Kept] {
  const all = (before: string): Kept =>
    Object.fromEntries(names.map((name) => [name, `${before}__kept__${name}__kept__`]));
  return [all(''), all(`${origin}/`)];
}

/** The request with its marks as ‹NAME›. */
export function unmarked({ method, url, headers, body }: DryRequestDto, origin: string): DryRequestDto {
  const places = [`${origin}/`, encodeURIComponent(`${origin}/`), ''];
  const patterns = places.map((before) => new RegExp(escaped(before) + MARK.source, 'g'));
  const readable = (text: string): string =>
    patterns.reduce((changed, pattern) => changed.replaceAll(pattern, '‹$1›'), text);
  return {
    method,
    url: readable(url),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, readable(value)])),
    body: body === null ? null : readable(body),
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
