import type { OpenAPIObject } from '@nestjs/swagger';
import { ENDPOINTS, OPENAI_BASE } from '../inference/apis/endpoints.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
interface Header {
  readonly description: string;
  readonly schema: object;
}

const TEXT = { type: 'string' };
const COUNT = { type: 'integer', minimum: 0 };

/** The headers of answers, by their names. */
const HEADERS = {
  'x-request-id': {
    description: "The request's id in the log: the client's own, if it sent one.",
    schema: TEXT,
  },
  etag: { description: 'The generation, for If-Match.', schema: TEXT },
  location: { description: 'Where the job, the worker or the key is.', schema: TEXT },
  'preference-applied': { description: 'What of Prefer was followed.', schema: TEXT },
  'retry-after': { description: 'Seconds, or a date.', schema: TEXT },
  'x-should-retry': {
    description: 'false: the service has retried already.',
    schema: TEXT,
  },
  'x-mmm-worker-id': { description: 'The worker that answered, or was tried last.', schema: TEXT },
  'x-mmm-attempts': { description: 'How many times a worker was called.', schema: COUNT },
  'x-mmm-model': { description: 'The model that answered, if it is a fallback.', schema: TEXT },
  'x-mmm-priority': {
    description: 'The class of the request that held: interactive, default or bulk.',
    schema: TEXT,
  },
  'x-mmm-queue-ms': { description: 'How long it waited for a worker, if it did.', schema: COUNT },
  'x-mmm-woke-ms': {
    description: 'How long of this it waited for a worker that was asleep, if it did.',
    schema: COUNT,
  },
  'x-mmm-cuts': {
    description: 'Of bulk: how often it was cut to make room for another request.',
    schema: COUNT,
  },
  'x-mmm-upstream-ms': { description: 'How long the worker took.', schema: { type: 'number' } },
  'x-mmm-overhead-ms': { description: 'How long this service took besides.', schema: { type: 'number' } },
  'x-mmm-ignored': {
    description: 'Fields of the request that were left out, since the worker has no place for them.',
    schema: TEXT,
  },
  'x-mmm-explain': {
    description: 'With the request header `x-mmm-explain: 1`: how it was served, as JSON.',
    schema: TEXT,
  },
  'x-mmm-job-id': { description: 'The job that the call is.', schema: TEXT },
  'x-ratelimit-limit-requests': {
    description: 'requests_per_minute of the key or its team, the tighter one; only where there is one.',
    schema: COUNT,
  },
  'x-ratelimit-remaining-requests': { description: 'What is left of it.', schema: COUNT },
  'x-ratelimit-reset-requests': {
    description: 'When all of it is there again, such as 6m0s or 20ms.',
    schema: TEXT,
  },
  'x-ratelimit-limit-tokens': {
    description: 'tokens_per_minute of the key or its team, the tighter one; only where there is one.',
    schema: COUNT,
  },
  'x-ratelimit-remaining-tokens': { description: 'What is left of it.', schema: COUNT },
  'x-ratelimit-reset-tokens': {
    description: 'When all of it is there again, such as 6m0s or 20ms.',
    schema: TEXT,
  },
  'anthropic-ratelimit-requests-limit': {
    description: 'requests_per_minute of the key or its team, the tighter one; only where there is one.',
    schema: COUNT,
  },
  'anthropic-ratelimit-requests-remaining': { description: 'What is left of it.', schema: COUNT },
  'anthropic-ratelimit-requests-reset': {
    description: 'When all of it is there again (RFC 3339).',
    schema: TEXT,
  },
  'anthropic-ratelimit-tokens-limit': {
    description: 'tokens_per_minute of the key or its team, the tighter one; only where there is one.',
    schema: COUNT,
  },
  'anthropic-ratelimit-tokens-remaining': { description: 'What is left of it.', schema: COUNT },
  'anthropic-ratelimit-tokens-reset': {
    description: 'When all of it is there again (RFC 3339).',
    schema: TEXT,
  },
  allow: { description: 'Of a 405: the methods of the path.', schema: TEXT },
  'accept-encoding': { description: 'Of a 415: the codings of a body that are taken.', schema: TEXT },
  'www-authenticate': { description: 'Of a 401.', schema: TEXT },
} as const satisfies Readonly<Record<string, Header>>;

type HeaderName = keyof typeof HEADERS;

const OF_INFERENCE: readonly HeaderName[] = [
  'x-mmm-worker-id',
  'x-mmm-attempts',
  'x-mmm-model',
  'x-mmm-priority',
  'x-mmm-queue-ms',
  'x-mmm-woke-ms',
  'x-mmm-cuts',
  'x-mmm-upstream-ms',
  'x-mmm-overhead-ms',
  'x-mmm-ignored',
  'x-mmm-explain',
  'x-mmm-job-id',
  'x-should-retry',
  'location',
];
const OF_LIMITS: readonly HeaderName[] = [
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
];
const OF_ANTHROPIC_LIMITS: readonly HeaderName[] = [
  'anthropic-ratelimit-requests-limit',
  'anthropic-ratelimit-requests-remaining',
  'anthropic-ratelimit-requests-reset',
  'anthropic-ratelimit-tokens-limit',
  'anthropic-ratelimit-tokens-remaining',
  'anthropic-ratelimit-tokens-reset',
];
const OF_FAULTS: readonly HeaderName[] = [
  'retry-after',
  'x-should-retry',
  'allow',
  'accept-encoding',
  'www-authenticate',
];
const OF_FAILURES: readonly HeaderName[] = ['retry-after', 'x-should-retry'];
const OF_JOBS: readonly HeaderName[] = [
  'location',
  'preference-applied',
  'x-mmm-job-id',
  'x-mmm-priority',
  'x-mmm-ignored',
];

const INFERENCE: ReadonlySet<string> = new Set([
  ...Object.keys(ENDPOINTS).map((path) => OPENAI_BASE + path),
  '/api/v1/chat/completions',
  '/v1/messages',
  '/v1/messages/count_tokens',
]);
const JOBS = /^\/(?:v1\/videos|api\/v1\/jobs)/;
/** Answers that show one worker, policy, key or team. */
const VERSIONED = /^\/api\/v1\/(?:(?:workers|keys)(?:\/\{id\}(?:\/\w+)?)?|(?:models|teams)\/\{name\})$/;

/** Names the headers of every answer. */
export function describeHeaders({ paths, components }: OpenAPIObject): void {
  for (const [path, item] of Object.entries(paths))
    for (const operation of [item.get, item.post, item.put, item.patch, item.delete])
      if (operation !== undefined) describeOperation(path, operation);
  if (components !== undefined) components.headers = { ...HEADERS };
}

function describeOperation(path: string, operation: Operation): void {
  const isInference = INFERENCE.has(path) || path.startsWith('/v1/responses/');
  const limits = path.startsWith('/v1/messages') ? OF_ANTHROPIC_LIMITS : OF_LIMITS;
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response === undefined || '$ref' in response) continue;
    const isDone = status.startsWith('2');
    response.headers = referencesTo([
      'x-request-id',
      ...(status === '4XX' ? OF_FAULTS : isDone ? [] : OF_FAILURES),
      ...(isInference ? [...OF_INFERENCE, ...limits] : []),
      ...(isDone && (isInference || JOBS.test(path)) ? OF_JOBS : []),
      ...(isDone && VERSIONED.test(path) && status !== '204' ? (['etag'] as const) : []),
      ...(status === '201' ? (['location'] as const) : []),
    ]);
  }
}

function referencesTo(names: readonly HeaderName[]) {
  return Object.fromEntries(
    [...new Set(names)].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}
