import { isDeepStrictEqual } from 'node:util';
import { compileValuePath, type ValuePath } from '../../../template/json-paths.js';
import type { Vocabulary } from '../../../template/placeholders.js';
import type { PollSpec } from '../../poll.dto.js';
import type { Kept, KnownValues, PollCall, SubmitReading } from '../../poll.js';
import { type FaultList, stepValues } from './poll-vocabulary.js';
import { isSuccess, keptValue, readAnswer, withStatus } from './poll-answer.js';
import type { TextReader } from './error-words.js';

interface SubmitRules {
  readonly keep: readonly (readonly [string, ValuePath])[];
  readonly paths: Readonly<Record<string, string>>;
  readonly isBusy: (json: unknown, known: KnownValues) => boolean;
  readonly succeeded: ((json: unknown) => boolean) | null;
  readonly error: TextReader;
}

/** Reads answers to a submit. Adds every fault of `keep` and `busy_when` to `faults`. */
export function compileSubmit(
  poll: PollSpec,
  succeeded: SubmitRules['succeeded'],
  error: TextReader,
  vocabulary: Vocabulary,
  faults: FaultList,
): PollCall['readSubmit'] {
  const paths = poll.keep ?? {};
  const keep = Object.entries(paths).flatMap(([name, path]) => {
    const field = `poll.keep.${name}`;
    if (path === '') faults.add(field, 'must not be empty');
    const compiled = faults.attempt(() => compileValuePath(path, field, vocabulary));
    return compiled === null ? [] : [[name, compiled] as const];
  });
  const isBusy = compileBusyWhen(poll, vocabulary, faults);
  return (answer, known) => readSubmit({ keep, paths, isBusy, succeeded, error }, answer, known);
}

function compileBusyWhen(poll: PollSpec, vocabulary: Vocabulary, faults: FaultList): SubmitRules['isBusy'] {
  const rule = poll.busy_when ?? null;
  if (rule === null) return () => false;
  const path = faults.attempt(() => compileValuePath(rule.path, 'poll.busy_when.path', vocabulary));
  return (json, known) =>
    path
      ?.all(json, stepValues(known))
      .some((value) => rule.in.some((each) => isDeepStrictEqual(value, each))) === true;
}

function readSubmit(
  { keep, paths, isBusy, succeeded, error }: SubmitRules,
  answer: Parameters<PollCall['readSubmit']>[0],
  known: KnownValues,
): SubmitReading {
  const { status, json, retryAfterMs } = readAnswer(answer);
  const values = stepValues(known);
  const words = error.read(json, values);
  const message = withStatus(words, status);
  if (status === 429 || status === 503 || isBusy(json, known)) return { kind: 'busy', retryAfterMs, message };
  if (status >= 500) return { kind: 'unknown', message };
  if (!isSuccess(status)) return { kind: 'refused', message };
  if (succeeded !== null && !succeeded(json))
    return { kind: 'refused', message: words === '' ? 'its answer reports a failure' : words };
  const kept: Record<string, Kept[string]> = {};
  for (const [name, path] of keep) {
    const value = keptValue(path.all(json, values), false);
    if (value === undefined)
      return { kind: 'refused', message: words === '' ? `its answer has no ${paths[name] ?? name}` : words };
    kept[name] = value;
  }
  return { kind: 'accepted', kept };
}
