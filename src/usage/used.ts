import type { ModelPrice } from '../registry/models/model-policy.js';
import type { ErrorType } from '../telemetry/error-type.js';
import type { RequestFacts } from '../telemetry/request-facts.js';

/**
 * How a request ended; by whose fault, where it failed. `limited`: refused by a limit of the key or the team. `part`: a call
 * of a job, which is counted itself when it ends.
 */
export type UsedOutcome = 'ok' | 'caller' | 'worker' | 'service' | 'limited' | 'part';

/** What one request used. */
export interface Used extends Quantities {
  /** `null`: ADMIN_API_KEY, or a client that needs no key. */
  readonly keyId: string | null;
  readonly keyName: string;
  readonly team: string | null;
  /** The model that answered; `null`: none of the registered ones was named. */
  readonly model: string | null;
  readonly workerId: string | null;
  readonly outcome: UsedOutcome;
  /** `null`: the model has no price. */
  readonly cost: number | null;
  readonly currency: string | null;
}

export interface Quantities {
  readonly input: number;
  /** Of the input, read from the upstream's cache. */
  readonly cached: number;
  readonly output: number;
  /** Of input and output, what no upstream reported. */
  readonly estimated: number;
  readonly images: number;
  /** Of video or audio. */
  readonly seconds: number;
}

/** Bytes of text for a token, where no upstream counted: https://help.openai.com/en/articles/4936856 */
export const BYTES_PER_TOKEN = 4;
/** A hundred times the largest context: a wrong count must not spoil a sum. */
const MOST_TOKENS = 1e9;

type Facts = Pick<
  RequestFacts,
  'inputTokens' | 'cachedTokens' | 'outputTokens' | 'answerTokens' | 'images' | 'seconds'
>;

/**
 * The figures of a request. What its worker did not report is estimated, if an answer came at all.
 * @param counts what of the request is counted in tokens
 * @param inputBytes of the text of its body; called only where it is needed
 */
export function quantitiesOf(
  facts: Facts,
  counts: 'both' | 'input' | 'nothing',
  inputBytes: () => number,
): Quantities {
  const { inputTokens, outputTokens, answerTokens } = facts;
  const images = facts.images ?? 0;
  const seconds = facts.seconds ?? 0;
  const isReported = (inputTokens ?? 0) > 0 || (outputTokens ?? 0) > 0;
  if (isReported || answerTokens === 0 || counts === 'nothing') {
    const input = tokens(inputTokens ?? 0);
    const cached = Math.min(input, tokens(facts.cachedTokens ?? 0));
    return { input, cached, output: tokens(outputTokens ?? 0), estimated: 0, images, seconds };
  }
  const input = tokens(inputBytes() / BYTES_PER_TOKEN);
  const output = counts === 'both' ? tokens(answerTokens) : 0;
  return { input, cached: 0, output, estimated: input + output, images, seconds };
}

function tokens(count: number): number {
  return Math.min(Math.ceil(count), MOST_TOKENS);
}

/** The cost by a price for a million tokens, an image, a second. */
export function costOf({ input, cached, output, images, seconds }: Quantities, price: ModelPrice): number {
  const perInput = price.input ?? 0;
  const ofTokens =
    (input - cached) * perInput + cached * (price.cachedInput ?? perInput) + output * (price.output ?? 0);
  return ofTokens / 1e6 + images * (price.image ?? 0) + seconds * (price.second ?? 0);
}

/** @returns `null`: the request was refused, and is not counted */
export function outcomeOf(errorType: ErrorType | null, isRejected: boolean): UsedOutcome | null {
  if (errorType === null) return 'ok';
  if (REFUSED.has(errorType)) return null;
  if (LIMITED.has(errorType)) return 'limited';
  if (isRejected || errorType.startsWith('caller_')) return 'caller';
  return errorType.startsWith('worker_') ? 'worker' : 'service';
}

const REFUSED: ReadonlySet<string> = new Set<ErrorType>([
  'caller_unauthorized',
  'caller_forbidden',
  'caller_foreign_origin',
]);
/** 429 of a limit. */
const LIMITED: ReadonlySet<string> = new Set<ErrorType>(['caller_limited']);

const [QUOTE, SEMICOLON] = [0x22, 0x3b] as const;
const [DATA_URL, DATA_FIELD] = [Buffer.from(';base64,'), Buffer.from('"data":')] as const;
/** A longer text in `data` is taken for bytes in base64. */
const LONGEST_DATA = 1024;

/** The length of a body without the images and files in it, which are no text. */
export function textBytesOf(body: Buffer): number {
  // A byte is found in a tenth of the time of a text, and most bodies have none.
  const urls = body.includes(SEMICOLON) ? skipped(body, DATA_URL, 0) : 0;
  return body.length - urls - (body.length > LONGEST_DATA ? skipped(body, DATA_FIELD, LONGEST_DATA) : 0);
}

function skipped(body: Buffer, mark: Buffer, shortest: number): number {
  let bytes = 0;
  for (let at = body.indexOf(mark); at !== -1; at = body.indexOf(mark, at)) {
    const start = at + mark.length + (mark === DATA_FIELD ? quoteBehind(body, at + mark.length) : 0);
    const end = body.indexOf(QUOTE, start);
    const length = (end === -1 ? body.length : end) - start;
    if (length > shortest) bytes += length;
    at = start + length;
  }
  return bytes;
}

/** How far behind `at` the text of the value begins. */
function quoteBehind(body: Buffer, at: number): number {
  const isSpaced = body[at] === 0x20;
  return body[at + (isSpaced ? 1 : 0)] === QUOTE ? (isSpaced ? 2 : 1) : 0;
}
