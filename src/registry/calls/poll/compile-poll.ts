import { InvalidInputError } from '../../../input/input-errors.js';
import type { PlaceholderName, SecretLookup } from '../../../template/placeholders.js';
import { TemplateError } from '../../../template/template-error.js';
import type { UpstreamTimeouts } from '../../../upstream/timeouts.js';
import type { PollSpec, PollStepSpec } from '../../poll.dto.js';
import type { PollCall } from '../../poll.js';
import { FaultList, keptIn, keptNameProblem, stepValues, stepVocabulary } from './poll-vocabulary.js';
import { compileErrorPaths } from './error-words.js';
import { compileResult } from './poll-result.js';
import { compileStates } from './poll-state.js';
import { compileStatus } from './poll-status.js';
import { compileFile, compileStep, type StepContext } from './poll-step.js';
import { compileSubmit } from './poll-submit.js';

/** What the worker's own call says of its submit. */
export interface SubmitContext {
  readonly origin: string;
  readonly header: Readonly<Record<string, string>>;
  /** The placeholders of the submit. */
  readonly placeholders: ReadonlySet<PlaceholderName>;
  readonly succeeded: ((answer: unknown) => boolean) | null;
  readonly secrets: SecretLookup;
  /** Of the result's requests. */
  readonly timeouts: UpstreamTimeouts;
}

/** A look ends well before its lease does. */
const LONGEST_LOOK_MS = 10_000;

/** @throws InvalidInputError with every fault, named by field */
export function compilePoll(poll: PollSpec, submit: SubmitContext): PollCall {
  const faults = new FaultList();
  const origins = new Set([submit.origin, ...originsOf(poll, faults)]);
  const kept = Object.keys(poll.keep ?? {});
  const vocabulary = stepVocabulary(kept);
  const context: StepContext = { ...submit, origins, kept: new Set(kept) };
  const lookTimeouts = { ...submit.timeouts, totalMs: Math.min(LONGEST_LOOK_MS, submit.timeouts.totalMs) };
  const stepOf = (step: PollStepSpec, field: string) =>
    compileStep(step, field, vocabulary, context, lookTimeouts, faults);

  const error = compileErrorPaths(poll.error, vocabulary, faults);
  const states = compileStates(poll.state, vocabulary, faults);
  const readSubmit = compileSubmit(poll, submit.succeeded, error, stepVocabulary([]), faults);
  const readStatus = compileStatus(poll, states, error, vocabulary, faults);
  const status = stepOf(poll.status, 'poll.status');
  const { result, readResult, resultRequest, ...resultParts } = compileResult(
    poll,
    kept,
    error,
    context,
    submit.timeouts,
    faults,
  );
  const cancel = stepsOf(poll.cancel).map(([step, at]) => stepOf(step, `poll.cancel${at}`));

  const inStatus = status?.placeholders ?? new Set<PlaceholderName>();
  const used = new Set<PlaceholderName>([
    ...inStatus,
    ...states.placeholders,
    ...error.placeholders,
    ...resultParts.placeholders,
    ...cancel.flatMap((step) => [...(step?.placeholders ?? [])]),
  ]);
  if (status !== null) addIdentityFaults(poll, submit.placeholders, inStatus, faults);
  for (const name of kept) {
    const problem = keptNameProblem(name);
    if (problem !== null) faults.add(`poll.keep.${name}`, problem);
    else if (faults.faults.length === 0 && !keptIn(used).has(name))
      faults.add(`poll.keep.${name}`, 'is used nowhere');
  }
  if (faults.faults.length > 0 || status === null) throw new InvalidInputError(faults.faults);

  const calls = cancel.filter((step) => step !== null);
  const file = compileFile(context, submit.timeouts);
  return {
    resubmit: poll.resubmit ?? 'never',
    intervalMs: poll.interval_ms ?? 2000,
    timeoutMs: poll.timeout_ms ?? 1_800_000,
    notFoundMs: poll.not_found_ms ?? 30_000,
    submitTimeoutMs: poll.submit_timeout_ms ?? 60_000,
    queueMs: poll.queue_ms ?? 600_000,
    origins,
    store: poll.result.store ?? false,
    as: poll.result.as,
    expiresS: poll.result.expires_s ?? null,
    readSubmit,
    status: (known) => status.render(stepValues(known)),
    readStatus,
    result,
    readResult,
    resultRequest,
    file: (url, known) => file(url, stepValues(known)),
    cancel: (known) => calls.map((step) => step.render(stepValues(known))),
  };
}

/** The steps of a field that holds one or several, each with what follows the field's name in a fault. */
export function stepsOf(
  steps: PollStepSpec | readonly PollStepSpec[] | null | undefined,
): readonly (readonly [PollStepSpec, string])[] {
  if (steps === null || steps === undefined) return [];
  if (!Array.isArray(steps)) return [[steps as PollStepSpec, '']];
  return (steps as readonly PollStepSpec[]).map((step, at) => [step, `[${at}]`]);
}

function originsOf(poll: PollSpec, faults: FaultList): readonly string[] {
  return (poll.origins ?? []).flatMap(
    (text, at) => faults.attempt(() => originOf(text, `poll.origins[${at}]`)) ?? [],
  );
}

/** Also accepts a slash at the end. @throws TemplateError */
function originOf(text: string, field: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isOrigin =
    url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` && !/[?#]$/.test(text);
  if (!isOrigin) throw new TemplateError(field, 'must be an origin, such as https://api.example.com');
  return url.origin;
}

/** Something must say which task is meant, from the submit on. */
function addIdentityFaults(
  poll: PollSpec,
  inSubmit: ReadonlySet<PlaceholderName>,
  inStatus: ReadonlySet<PlaceholderName>,
  faults: FaultList,
): void {
  const pollsFirst = poll.resubmit === 'ask';
  if (Object.keys(poll.keep ?? {}).length === 0 && !inSubmit.has('JOB_ID'))
    faults.add(
      'poll.keep',
      'is missing: what in the submit\'s answer identifies the task, such as {"TASK_ID": "id"}',
    );
  if (!inStatus.has('JOB_ID') && keptIn(inStatus).size === 0)
    faults.add('poll.status', 'names no task: it must hold a kept value or {JOB_ID}');
  if (!pollsFirst) return;
  if (Object.keys(poll.keep ?? {}).length > 0)
    faults.add(
      'poll.keep',
      'is not used with resubmit "ask": a task that is found by {JOB_ID} has no answer to its submit',
    );
  if (!inStatus.has('JOB_ID')) faults.add('poll.resubmit', 'is "ask", so the status must hold {JOB_ID}');
  if (!inSubmit.has('JOB_ID'))
    faults.add(
      'poll.resubmit',
      'is "ask", so the submit must hold {JOB_ID}: in body, header, req_param or URL',
    );
}
