import { compileValuePath, type ValuePath } from '../../../template/json-paths.js';
import type { PlaceholderValues, Vocabulary } from '../../../template/placeholders.js';
import type { PollSpec } from '../../poll.dto.js';
import type { PollCall, StatusReading } from '../../poll.js';
import { type FaultList, stepValues } from './poll-vocabulary.js';
import type { TextReader } from './error-words.js';
import { isSuccess, readAnswer, withStatus } from './poll-answer.js';
import type { StateReader } from './poll-state.js';

interface StatusRules {
  readonly states: StateReader;
  readonly progress: { readonly path: ValuePath; readonly of: number } | null;
  readonly queuePosition: ValuePath | null;
  readonly error: TextReader;
}

/** Statuses that say nothing of the task: credentials may be renewed, limits and servers come back. */
const TRY_AGAIN: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

/** Reads answers to a status. Adds every fault of `progress` and `queue_position` to `faults`. */
export function compileStatus(
  poll: PollSpec,
  states: StateReader,
  error: TextReader,
  vocabulary: Vocabulary,
  faults: FaultList,
): PollCall['readStatus'] {
  const at = (path: string | null | undefined, field: string) =>
    path === null || path === undefined
      ? null
      : faults.attempt(() => compileValuePath(path, `poll.${field}`, vocabulary));
  const progress = at(poll.progress?.path, 'progress.path');
  const rules: StatusRules = {
    states,
    progress: progress === null ? null : { path: progress, of: poll.progress?.of ?? 100 },
    queuePosition: at(poll.queue_position, 'queue_position'),
    error,
  };
  return (answer, known) => readStatus(rules, answer, stepValues(known));
}

function readStatus(
  rules: StatusRules,
  answer: Parameters<PollCall['readStatus']>[0],
  values: PlaceholderValues,
): StatusReading {
  const { status, json, isEmpty, retryAfterMs } = readAnswer(answer);
  const words = rules.error.read(json, values);
  if (TRY_AGAIN.has(status) || status >= 500)
    return { kind: 'again', retryAfterMs, note: withStatus(words, status) };
  if (!isSuccess(status)) return { kind: 'not_found', note: withStatus(words, status) };
  if (isEmpty) return { kind: 'not_found', note: 'an empty answer' };
  if (json === undefined) return { kind: 'again', retryAfterMs, note: 'its answer is not JSON' };
  return stateIn(rules, json, values, words);
}

function stateIn(rules: StatusRules, json: unknown, values: PlaceholderValues, words: string): StatusReading {
  const { state, word } = rules.states.read(json, values);
  switch (state) {
    case 'queued':
    case 'running':
      return { kind: state, word, ...placeOf(rules, json, values), note: '' };
    case 'done':
      return { kind: 'done', word, answer: json };
    case 'failed':
    case 'cancelled':
      return {
        kind: state,
        word,
        message: words === '' ? `the upstream reports ${word === '' ? 'a failure' : word}` : words,
      };
    case 'lost':
      return { kind: 'not_found', note: words === '' ? word : words };
    case null: {
      if (word === '')
        return { kind: 'not_found', note: `its answer holds no state at ${rules.states.paths} (poll.state)` };
      const note = `the upstream reports ${JSON.stringify(word)}, a state that the definition does not list`;
      return { kind: 'running', word, ...placeOf(rules, json, values), note };
    }
  }
}

function placeOf({ progress, queuePosition }: StatusRules, json: unknown, values: PlaceholderValues) {
  return {
    progress: progress === null ? null : percent(progress.path.all(json, values)[0], progress.of),
    queuePosition: queuePosition === null ? null : position(queuePosition.all(json, values)[0]),
  };
}

/** A number, or a text that begins with one: `45%`. */
function percent(value: unknown, of: number): number | null {
  const number = typeof value === 'string' ? Number.parseFloat(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return null;
  return Math.round(Math.min(100, Math.max(0, (number / of) * 100)));
}

/** The database holds it as an integer of 32 bits. */
const LAST_POSITION = 2_147_483_647;

function position(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  const isPosition = Number.isInteger(number) && Number(number) >= 0 && Number(number) <= LAST_POSITION;
  return isPosition ? Number(number) : null;
}
