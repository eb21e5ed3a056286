import type { UpstreamCall } from '../../upstream/upstream-client.js';

export type PowerState = 'awake' | 'asleep' | 'waking';

/** Whether a worker that can sleep is awake: its row of `worker_power`, as far as requests are concerned. */
export interface Power {
  readonly state: PowerState;
  /** When the state began, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** What was seen, or why the last waking failed. For operators: it may hold addresses. */
  readonly reason: string;
  /** Wakings that failed in a row. */
  readonly failures: number;
  /** After a waking that failed: not woken again before, in milliseconds since 1970. */
  readonly nextWakeAtMs: number;
  /** A moving average; `null`: none has succeeded yet. */
  readonly usualWakeMs: number | null;
  /** A replica is sending it to sleep, and waits until no replica has a request there. */
  readonly isFallingAsleep: boolean;
}

/** How a worker is woken and sent to sleep, compiled. */
export interface PowerCalls {
  /** In order. @throws SecretMissingError, TemplateError for a secret that no header can hold */
  wake(requestId: string): readonly UpstreamCall[];
  readonly ready: PowerLook;
  readonly wakeTimeoutMs: number;
  /** `null`: this service does not send it to sleep. */
  readonly sleep: { readonly afterMs: number; requests(requestId: string): readonly UpstreamCall[] } | null;
  /** `null`: it is asleep when it refuses connections. */
  readonly asleepWhen: PowerLook | null;
}

/** A request, and whether its answer is the expected one. */
export interface PowerLook {
  /** @throws as PowerCalls.wake does */
  call(requestId: string): UpstreamCall;
  holds(answer: { readonly status: number; readonly text: string }): boolean;
  /** Such as `GET /health answers 200`. */
  readonly expected: string;
}

/** Of `reason`, in characters: it stands in lists of workers and in the history. */
export const LONGEST_REASON = 500;

/** Before the first waking has succeeded. */
export const ASSUMED_WAKE_MS = 30_000;

export function usualWakeMsOf({ usualWakeMs }: Pick<Power, 'usualWakeMs'>): number {
  return usualWakeMs ?? ASSUMED_WAKE_MS;
}

/** What was seen of a worker. */
export type PowerEvidence =
  /** A connection was refused. */
  | 'refused'
  /** It answered a probe as a worker that serves does. */
  | 'answered'
  /** `asleep_when` holds. */
  | 'shows_asleep'
  /** `asleep_when` was answered, and does not hold. */
  | 'shows_awake';

/**
 * The state that evidence leads to, of a worker whose power no replica has a lease on: the holder of a lease writes the state itself.
 * A worker with `asleep_when` answers while it sleeps, so only that request shows that it is awake; any other accepts no connection
 * while it sleeps. A waking that was ordered or left behind is no sleep that begins.
 * @param showsSleep whether it has `asleep_when`
 */
export function powerAfter(state: PowerState, evidence: PowerEvidence, showsSleep: boolean): PowerState {
  switch (evidence) {
    case 'refused':
    case 'shows_asleep':
      return state === 'awake' ? 'asleep' : state;
    case 'answered':
      return showsSleep ? state : 'awake';
    case 'shows_awake':
      return 'awake';
  }
}
