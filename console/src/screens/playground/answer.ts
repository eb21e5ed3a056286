import { signal } from '../../live/signal';
import type { JSX } from 'preact';
import type { Worker } from '../../api/shapes';

/** One attempt of a request, as the service explains it where it does (`x-mmm-explain: 1`). */
export interface Attempt {
  readonly worker: string;
  readonly from_ms: number;
  readonly first_token_ms: number | null;
  readonly to_ms: number;
  readonly outcome: string;
}

export interface Explained {
  readonly waited_ms?: number;
  readonly attempts?: readonly Attempt[];
  /** At most 20. */
  readonly candidates?: readonly {
    readonly worker: string;
    readonly running: number;
    readonly why_not: string | null;
  }[];
}

/** How a request was answered. */
export interface Answered {
  readonly requestId: string | null;
  readonly workerId: string | null;
  readonly attempts: string | null;
  readonly overheadMs: number | null;
  readonly firstTokenMs: number | null;
  readonly wholeMs: number | null;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly explained: Explained | null;
}

/** What the head of an answer shows. */
export function answeredBy(headers: Headers): Answered {
  const overhead = headers.get('x-mmm-overhead-ms');
  return {
    requestId: headers.get('x-request-id'),
    workerId: headers.get('x-mmm-worker-id'),
    attempts: headers.get('x-mmm-attempts'),
    overheadMs: overhead === null ? null : Number(overhead),
    firstTokenMs: null,
    wholeMs: null,
    tokensIn: null,
    tokensOut: null,
    explained: explanationIn(headers.get('x-mmm-explain')),
  };
}

export function explanationIn(text: string | null): Explained | null {
  try {
    return text === null ? null : (JSON.parse(text) as Explained);
  } catch {
    return null;
  }
}

/** Where the conversation was, for those who come back to it. */
export const lastModel = signal('');

/** A request as other clients may send it. */
export interface Sent {
  readonly path: string;
  readonly body: object;
}

/** What the parts of the playground get of it, and give back. */
export interface PartProps {
  readonly model: string;
  readonly worker: string;
  readonly workers: readonly Worker[];
  readonly settings: JSX.Element;
  readonly onSent: (sent: Sent) => void;
  readonly onAnswered: (answered: Answered | null) => void;
}
