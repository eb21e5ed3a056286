import { splitHeaders } from '../credentials/sensitive-headers.js';
import type { InputFault } from '../input/input-errors.js';
import { isJsonObject } from '../input/json.js';
import type { PollSpec, PollStepSpec } from './poll.dto.js';
import type { PowerRequestSpec, SleepSpec, WakeSpec } from './power/power.dto.js';

/** Shown instead of a stored header value that may be a credential. Sent back in a change, it keeps the stored value. */
export const SEALED = '<sealed>';

/** The parts of a definition that make requests with headers of their own. */
export interface Steps {
  readonly poll: PollSpec | null;
  readonly wake: WakeSpec | null;
  readonly sleep: SleepSpec | null;
}

/** Steps without their credentials, and these by step and header: `status:authorization`. No header's name holds a colon. */
interface SplitSteps {
  readonly shown: Steps;
  readonly sensitive: Readonly<Record<string, string>>;
}

type Headers = Readonly<Record<string, string>>;

/** The headers of steps, which may be stored sealed only if they may be credentials. */
export function splitSteps(steps: Steps): SplitSteps {
  const sensitive: Record<string, string> = {};
  const shown = mapHeaders(steps, (header, step) => {
    const secret = splitHeaders(withoutHarmless(header)).sensitive;
    for (const [name, value] of Object.entries(secret)) sensitive[keyOf(step, name)] = value;
    return mapValues(header, (value, name) => (Object.hasOwn(secret, name) ? SEALED : value));
  });
  return { shown, sensitive };
}

/** Steps with their credentials; without a stored value one stays `"<sealed>"`. */
export function openSteps(steps: Steps, sealed: Headers): Steps {
  return mapHeaders(steps, (header, step) =>
    mapValues(header, (value, name) => (value === SEALED ? (sealed[keyOf(step, name)] ?? value) : value)),
  );
}

/** Steps without headers that stand for a stored value and have none. */
export function withoutSealed(steps: Steps): Steps {
  return mapHeaders(steps, (header) => mapValues(header, (value) => (value === SEALED ? '' : value)));
}

/** Values that stand for a stored one and have none. */
export function unsealedFaults(steps: Steps, problem: string): readonly InputFault[] {
  const faults: InputFault[] = [];
  mapHeaders(steps, (header, step) => {
    for (const [name, value] of Object.entries(header))
      if (value === SEALED) faults.push({ field: `${fieldOf(step)}.header.${name}`, problem });
    return header;
  });
  return faults;
}

/** The steps of wake and sleep are named by their fields. */
function fieldOf(step: string): string {
  if (/^(wake|sleep)\b/.test(step)) return step;
  return step === 'result' ? 'poll.result.request' : `poll.${step}`;
}

function keyOf(step: string, name: string): string {
  return `${step}:${name.toLowerCase()}`;
}

/** An empty value leaves a header out, and `{NAME}` is a value that the upstream gave. */
function withoutHarmless(header: Headers): Headers {
  return Object.fromEntries(
    Object.entries(header).filter(([, value]) => value !== '' && !/^\{[A-Z0-9_]+\}$/.test(value)),
  );
}

function mapValues(header: Headers, change: (value: string, name: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(header).map(([name, value]) => [name, change(value, name)]));
}

/** The same steps with other headers. What is not shaped as it should be stays: the check of the shape follows. */
function mapHeaders({ poll, wake, sleep }: Steps, change: (header: Headers, step: string) => Headers): Steps {
  const changed = <Step extends PollStepSpec | PowerRequestSpec>(step: Step, name: string): Step =>
    isJsonObject(step) && isJsonObject(step.header)
      ? { ...step, header: { ...change(stringsOf(step.header), name) } }
      : step;
  return {
    poll: isJsonObject(poll) ? pollWith(poll, changed) : poll,
    wake: requestsWith(wake, 'wake.request', changed),
    sleep: requestsWith(sleep, 'sleep.request', changed),
  };
}

function requestsWith<Spec extends WakeSpec | SleepSpec>(
  spec: Spec | null,
  name: string,
  changed: (step: PowerRequestSpec, name: string) => PowerRequestSpec,
): Spec | null {
  if (!isJsonObject(spec)) return spec;
  const request: unknown = spec.request;
  if (Array.isArray(request))
    return { ...spec, request: request.map((each: PowerRequestSpec, at) => changed(each, `${name}[${at}]`)) };
  return { ...spec, request: changed(request as PowerRequestSpec, name) };
}

function pollWith(poll: PollSpec, changed: (step: PollStepSpec, name: string) => PollStepSpec): PollSpec {
  const { status, result, cancel } = poll as Partial<PollSpec>;
  const request = isJsonObject(result) ? result.request : undefined;
  return {
    ...poll,
    ...(isJsonObject(status) ? { status: changed(status, 'status') } : {}),
    ...(isJsonObject(request) && result !== undefined
      ? { result: { ...result, request: changed(request, 'result') } }
      : {}),
    ...(cancel === undefined ? {} : { cancel: cancelOf(cancel, changed) }),
  };
}

function cancelOf(
  cancel: NonNullable<PollSpec['cancel']>,
  changed: (step: PollStepSpec, name: string) => PollStepSpec,
): NonNullable<PollSpec['cancel']> {
  if (!Array.isArray(cancel)) return changed(cancel as PollStepSpec, 'cancel');
  return (cancel as readonly PollStepSpec[]).map((step, at) => changed(step, `cancel[${at}]`));
}

function stringsOf(header: Readonly<Record<string, unknown>>): Headers {
  return Object.fromEntries(
    Object.entries(header).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
