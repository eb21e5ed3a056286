import { splitHeaders } from '../credentials/sensitive-headers.js';
import type { InputFault } from '../input/input-errors.js';
import type { PollSpec, PollStepSpec } from './poll.dto.js';
import { isJsonObject } from '../input/json.js';

/** Shown instead of a stored header value that may be a credential. Sent back in a change, it keeps the stored value. */
export const SEALED = '<sealed>';

/** `poll` without its credentials, and these by step and header: `status:authorization`. No header's name holds a colon. */
interface SplitPoll {
  readonly shown: PollSpec;
  readonly sensitive: Readonly<Record<string, string>>;
}

type Headers = Readonly<Record<string, string>>;

/** The headers of steps, which may be stored sealed only if they may be credentials. */
export function splitPoll(poll: PollSpec): SplitPoll {
  const sensitive: Record<string, string> = {};
  const shown = mapHeaders(poll, (header, step) => {
    const secret = splitHeaders(withoutHarmless(header)).sensitive;
    for (const [name, value] of Object.entries(secret)) sensitive[keyOf(step, name)] = value;
    return mapValues(header, (value, name) => (Object.hasOwn(secret, name) ? SEALED : value));
  });
  return { shown, sensitive };
}

/** `poll` with its credentials; without a stored value one stays `"<sealed>"`. */
export function openPoll(poll: PollSpec, sealed: Headers): PollSpec {
  return mapHeaders(poll, (header, step) =>
    mapValues(header, (value, name) => (value === SEALED ? (sealed[keyOf(step, name)] ?? value) : value)),
  );
}

/** `poll` without headers that stand for a stored value and have none. */
export function withoutSealed(poll: PollSpec): PollSpec {
  return mapHeaders(poll, (header) => mapValues(header, (value) => (value === SEALED ? '' : value)));
}

/** Values that stand for a stored one and have none. */
export function unsealedFaults(poll: PollSpec, problem: string): readonly InputFault[] {
  const faults: InputFault[] = [];
  mapHeaders(poll, (header, step) => {
    for (const [name, value] of Object.entries(header))
      if (value === SEALED) faults.push({ field: `poll.${FIELDS[step] ?? step}.header.${name}`, problem });
    return header;
  });
  return faults;
}

const FIELDS: Readonly<Record<string, string>> = { result: 'result.request' };

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

/** The same `poll` with other headers. What is not shaped as `poll` should be stays: the check of the shape follows. */
function mapHeaders(poll: PollSpec, change: (header: Headers, step: string) => Headers): PollSpec {
  const changed = (step: PollStepSpec, name: string): PollStepSpec =>
    isJsonObject(step) && isJsonObject(step.header)
      ? { ...step, header: { ...change(stringsOf(step.header), name) } }
      : step;
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
