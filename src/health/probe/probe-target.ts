import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { PowerLook } from '../../registry/power/power.js';
import type { WaitingTarget } from './waiting-inside.js';

/** What a probe does. */
export type ProbeTarget = ProbeKind & {
  /** Requested first: a worker that shows that it sleeps is requested nothing more. */
  readonly asleepWhen?: SleepLook;
};

/** What shows that a worker is asleep, and how long its answer may take. */
export interface SleepLook {
  readonly look: PowerLook;
  readonly timeoutMs: number;
}

type ProbeKind =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  | HttpTarget
  | InferenceTarget;

export interface HttpTarget {
  readonly kind: 'http';
  readonly url: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly timeoutMs: number;
  /** `null`: any status below 500. */
  readonly expectedStatus: number | null;
  readonly bodyContains: string | null;
  /** The worker's headers, for servers that list models only with credentials. @throws SecretMissingError */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** The model that the list should hold. Many servers list nothing. */
  readonly listed?: { readonly model: string; readonly isRequired: boolean };
  /** Read after a success. */
  readonly waiting?: WaitingTarget;
}

/** The worker's own call, with a minimal request. */
export interface InferenceTarget {
  readonly kind: 'inference';
  /** @throws SecretMissingError, RenderError */
  readonly render: (requestId: string) => UpstreamCall;
  /** @throws ExtractError, UnsuccessfulAnswerError when it contains no answer */
  readonly read: (answer: { readonly text: string }) => void;
  readonly timeoutMs: number;
}
