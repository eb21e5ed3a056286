import { isJsonObject } from '../../input/json.js';
import { stepValues, stepVocabulary } from '../../registry/calls/poll/poll-vocabulary.js';
import type { PollSpec, StateRuleDto } from '../../registry/poll.dto.js';
import type { KnownValues } from '../../registry/poll.js';
import type { WorkerDefinition } from '../../registry/worker-fields.js';
import { parsePath, type Step } from '../../template/json-path.js';
import { compileValuePath } from '../../template/json-paths.js';
import { type Found, parseAnswer, reach } from '../../template/response-extract.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { type PreparedCall, StreamCall } from '../apis/prepared-call.js';
import { streamDecoder } from '../streams/stream-decoder.js';
import type { DryRunAnswerDto } from './dry-run.dto.js';
import type { DryRunSecrets } from './dry-run-secrets.js';

type ShownPath = Pick<DryRunAnswerDto, 'path_steps' | 'found' | 'keys'>;

const MOST_KEYS = 50;
const LONGEST_KEY = 200;

/**
 * How far the answer path of a worker leads into what its server answered, so that an operator sees why it finds nothing.
 * Nothing, where the worker has no path or the answer is not JSON.
 */
export function shownPath(
  answer: UpstreamAnswer,
  prepared: PreparedCall,
  definition: Pick<WorkerDefinition, 'protocol' | 'response_extract' | 'stream_extract'>,
  secrets: DryRunSecrets,
): ShownPath {
  const { protocol, response_extract: whole, stream_extract: stream } = definition;
  if (protocol !== 'template') return {};
  const isStream = prepared instanceof StreamCall;
  const path = parsePath(isStream ? (stream?.text ?? '') : whole, 'response_extract');
  if (path.length === 0) return {};
  const found = isStream ? furthest(answer, prepared, path) : reachIn(answer.text, path);
  if (found === null) return {};
  return shown(found, secrets);
}

/**
 * The same for an answer in long work that lacks a value of `keep`, a value of `state`, or a file. Of several paths, the one
 * that leads furthest.
 */
export function shownStepPath(
  paths: readonly string[],
  answer: unknown,
  { keep }: PollSpec,
  known: KnownValues,
  secrets: DryRunSecrets,
): ShownPath {
  const vocabulary = stepVocabulary(Object.keys(keep ?? {}));
  const values = stepValues(known);
  const [found] = paths
    .map((path) => compileValuePath(path, 'poll', vocabulary).reach(answer, values))
    .toSorted((a, b) => b.steps.length - a.steps.length);
  return found === undefined ? {} : shown(found, secrets);
}

/** The paths that lead to nothing where a step's answer has this reading. */
export function pathsOfReading(
  { step, reading }: { readonly step: string; readonly reading?: object | undefined },
  { keep, state, result }: PollSpec,
): readonly string[] {
  const { kind } = (reading ?? {}) as { readonly kind?: string };
  if (step === 'submit' && kind === 'refused') return Object.values(keep ?? {});
  if (step === 'status' && kind === 'not_found')
    return (Array.isArray(state) ? (state as readonly StateRuleDto[]) : [state as StateRuleDto]).map(
      ({ path }) => path,
    );
  if (step !== 'result' || kind !== 'missing') return [];
  const { extract } = result;
  return Array.isArray(extract) ? (extract as readonly string[]) : [(extract ?? '') as string];
}

function shown({ steps, value }: Found, secrets: DryRunSecrets): ShownPath {
  return {
    path_steps: steps.map((step) => (typeof step === 'string' ? secrets.hide(step) : step)),
    found: kindOf(value),
    ...(isJsonObject(value) ? { keys: keysOf(value, secrets) } : {}),
  };
}

/** In the event of a stream into which the path leads furthest: most events hold something else. */
function furthest(answer: UpstreamAnswer, { format }: StreamCall, path: readonly Step[]): Found | null {
  let best: Found | null = null;
  const decoder = streamDecoder(format, answer.headers, ({ data }) => {
    if (best?.steps.length === path.length) return;
    const found = reachIn(data, path);
    if (found !== null && (best === null || found.steps.length > best.steps.length)) best = found;
  });
  try {
    decoder.push(answer.bytes);
    decoder.end();
  } catch {
    // The reader of the answer reports what is wrong with the stream.
  }
  return best;
}

function reachIn(text: string, path: readonly Step[]): Found | null {
  try {
    return reach(parseAnswer(text), path);
  } catch {
    return null;
  }
}

function keysOf(value: object, secrets: DryRunSecrets): string[] {
  return Object.keys(value)
    .slice(0, MOST_KEYS)
    .map((key) => secrets.hide(key, LONGEST_KEY));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
