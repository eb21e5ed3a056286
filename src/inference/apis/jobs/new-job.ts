import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Priority } from '../../../config/balancing-settings.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { JobInput, JobKind } from '../../../jobs/job.js';
import type { Worker, WorkerTask } from '../../../registry/worker.js';
import type { PlaceholderName } from '../../../template/placeholders.js';

/** What a client wants made, whichever API it came by. */
export interface JobRequest {
  readonly model: string;
  readonly kind: JobKind;
  readonly input: JobInput;
  readonly webhookUrl: string | null;
  /** Left out: as the headers of the request, its key and its model say. */
  readonly priority?: Priority;
}

/**
 * The same request for the same team has the same hash, in whatever order and spelling its body came: the boundary of a form changes.
 * @param tenant the team that its key acts for; `null`: its own
 */
export function requestHash({ model, kind, input, webhookUrl }: JobRequest, tenant: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([model, kind, input, webhookUrl, ...(tenant === null ? [] : [tenant])]))
    .digest('hex');
}

const LONGEST_KEY = 255;

/** `headers` would join two keys into one. @throws InvalidInputError that names the header */
export function idempotencyKeyOf({
  headersDistinct,
}: Pick<IncomingMessage, 'headersDistinct'>): string | null {
  const keys = headersDistinct['idempotency-key'];
  if (keys === undefined) return null;
  const [key = ''] = keys;
  if (keys.length === 1 && key.length <= LONGEST_KEY && /^[\x20-\x7e]+$/.test(key)) return key;
  const problem = `must be one header of 1 to ${LONGEST_KEY} printable ASCII characters`;
  throw new InvalidInputError([{ field: 'Idempotency-Key', problem }]);
}

/** OpenAI's clients count their retries, from 0 on; `null`: another client, which may not retry at all. */
export function retryCountOf(headers: IncomingHttpHeaders): number | null {
  const count = headers['x-stainless-retry-count'];
  return typeof count === 'string' && /^\d{1,4}$/.test(count) ? Number(count) : null;
}

const KIND_OF_TASK: Readonly<Record<WorkerTask, JobKind>> = {
  chat: 'text',
  completion: 'text',
  embedding: 'text',
  image: 'image',
  video: 'video',
  audio: 'audio',
};

/** What a model makes: of several tasks, the first that makes a file. */
export function kindOf(workers: readonly Pick<Worker, 'task'>[]): JobKind {
  const kinds = workers.map(({ task }) => KIND_OF_TASK[task ?? 'chat']);
  return kinds.find((kind) => kind !== 'text') ?? 'text';
}

/** Fields that only steer how something is made. Others for which no template has a placeholder are refused. */
const HINTS = { quality: 'QUALITY', seed: 'SEED', negative_prompt: 'NEGATIVE_PROMPT' } as const;

/** Names that a header can hold. */
const NAME = /^[\w.-]{1,100}$/;
const MOST = 20;

/** The fields of a request that change nothing, since none of these templates has a place for them. */
export function ignoredFields(
  input: JobInput,
  templates: readonly ReadonlySet<PlaceholderName>[],
): readonly string[] {
  const isUsed = (name: PlaceholderName): boolean => templates.some((placeholders) => placeholders.has(name));
  const hints = Object.entries(HINTS).flatMap(([field, name]) =>
    input[field as keyof typeof HINTS] !== undefined && !isUsed(name) ? [field] : [],
  );
  const extras = Object.keys(input.extra ?? {}).filter((name) => !isUsed(`EXTRA.${name}`) && NAME.test(name));
  return [...hints, ...extras].slice(0, MOST);
}

/** What a client requests in `Prefer` [RFC 7240]. */
export interface Preferences {
  /** A 202 with the job instead of a long wait [RFC 7240, 4.1]. */
  readonly respondAsync: boolean;
  /** How long the client waits, in milliseconds [RFC 7240, 4.3]; `null`: not given. */
  readonly waitMs: number | null;
}

const NONE: Preferences = { respondAsync: false, waitMs: null };

/** A preference that is not understood is ignored, and of one that comes twice the first counts [RFC 7240, 2]. */
export function readPrefer(header: string | readonly string[] | undefined): Preferences {
  if (header === undefined) return NONE;
  const seen = new Map<string, string>();
  for (const preference of (typeof header === 'string' ? header : header.join(',')).split(',')) {
    const [name = '', value = ''] = (preference.split(';', 1)[0] ?? '').split('=', 2);
    const key = name.trim().toLowerCase();
    if (!seen.has(key)) seen.set(key, value.trim().replace(/^"(.*)"$/, '$1'));
  }
  const wait = seen.get('wait') ?? '';
  return {
    respondAsync: seen.has('respond-async'),
    waitMs: /^\d{1,6}$/.test(wait) ? Number(wait) * 1000 : null,
  };
}

/** The value of `Preference-Applied` for a 202. */
export function preferenceApplied({ waitMs }: Preferences): string {
  return waitMs === null ? 'respond-async' : `respond-async, wait=${waitMs / 1000}`;
}
