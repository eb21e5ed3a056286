import { useState } from 'preact/hooks';
import type { JsonObject } from '../words/json';
import { ApiProblem, asProblem, call, get, query, type Schemas } from './client';
import type { Data } from './data';

/** What the boxes of a form hold, by the name of the field as the API has it, such as `queue.max`. Empty: the default. */
export type Values = Readonly<Record<string, string>>;

/** A change that came in between. */
export interface Conflict {
  readonly theirs: Values;
  readonly etag: string | null;
  readonly event: Schemas['EventDto'] | undefined;
}

export interface Edit {
  readonly values: Values;
  readonly touched: Values;
  /** What the touched ones were when the editing began. */
  readonly base: Values;
  readonly isTouched: boolean;
  readonly problem: ApiProblem | null;
  readonly conflict: Conflict | null;
  readonly touch: (part: Values) => void;
  /** Touches these, and nothing else. */
  readonly touchOnly: (all: Values) => void;
  readonly reset: () => void;
  readonly save: () => void;
  /** Sends what was touched on the version of the other. */
  readonly putMineOnTop: () => void;
}

interface EditOf<T> {
  readonly path: string;
  readonly data: Pick<Data<T>, 'value' | 'etag' | 'reload'>;
  readonly read: (value: T) => Values;
  readonly method: 'PUT' | 'PATCH';
  readonly write: (all: Values, touched: Values, base: Values) => JsonObject;
  /** Which events are of it; the last one names who changed it in between. */
  readonly events: Readonly<Record<string, string>>;
  readonly onSaved: () => void;
}

/** What is touched of a thing is sent on the version that it was read in; what came in between is shown, and nothing is lost. */
export function useEdit<T>({ path, data, read, method, write, events, onSaved }: EditOf<T>): Edit {
  const [start, setStart] = useState<Pick<Conflict, 'theirs' | 'etag'> | null>(null);
  const [touched, setTouched] = useState<Values>({});
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  // While it is edited, changes that come in are no part of it.
  const { theirs: base, etag } = start ?? {
    theirs: data.value === undefined ? {} : read(data.value),
    etag: data.etag,
  };

  const touchOnly = (all: Values): void => {
    setStart({ theirs: base, etag });
    setTouched(all);
  };
  const reset = (): void => {
    setStart(null);
    setTouched({});
    setConflict(null);
    setProblem(null);
    data.reload();
  };
  const send = async (on: Values, version: string | null): Promise<void> => {
    try {
      // What does not exist yet has no version.
      const headers = version === null ? {} : { 'if-match': version };
      await call(method, path, { body: write({ ...on, ...touched }, touched, base), headers });
      reset();
      onSaved();
    } catch (error) {
      const answer = asProblem(error);
      if (answer.status !== 412) return setProblem(answer);
      const now = await call<T>('GET', path);
      const { data: last } = await get<Schemas['EventPageDto']>(
        `/api/v1/events${query({ ...events, limit: 1 })}`,
      );
      setConflict({ theirs: read(now.value), etag: now.headers.get('etag'), event: last[0] });
    }
  };
  return {
    values: { ...base, ...touched },
    touched,
    base,
    isTouched: Object.keys(touched).some((name) => touched[name] !== (base[name] ?? '')),
    problem,
    conflict,
    touch: (part) => touchOnly({ ...touched, ...part }),
    touchOnly,
    reset,
    save: () => void send(base, etag),
    putMineOnTop: () => conflict !== null && void send(conflict.theirs, conflict.etag),
  };
}

/** The value of a box: a number where the field takes one. What is no number is sent as it is, and the service says so. */
export function valueOf(text: string, isNumber: boolean): string | number | null {
  if (text.trim() === '') return null;
  return !isNumber || Number.isNaN(Number(text)) ? text : Number(text);
}

/** `{'queue.max': 1}` as `{queue: {max: 1}}`. What is null is left out, and so is an object without members. */
export function nested(flat: JsonObject): JsonObject {
  const made: Record<string, JsonObject[string]> = {};
  for (const [name, value] of Object.entries(flat)) {
    if (value === null || value === undefined) continue;
    const [group = '', member] = name.split('.');
    made[group] =
      member === undefined ? value : { ...(made[group] as JsonObject | undefined), [member]: value };
  }
  return made;
}
