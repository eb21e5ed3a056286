import type { Schemas } from './client';

/** The strip and ejections; what the last hour has shown, of all replicas together, where it is counted. */
export type WorkerFigures = Schemas['WorkerFiguresDto'] & {
  readonly running?: number;
  readonly requests_1h?: number;
  readonly share_1h?: number | null;
  readonly failed_1h?: number;
  readonly ttft_p50_ms?: number | null;
};

export type Worker = Omit<Schemas['WorkerRowDto'], 'figures'> & { readonly figures?: WorkerFigures };
export type WorkerPage = { readonly data: readonly Worker[]; readonly next_cursor: string | null };
export type WholeWorker = Omit<Schemas['WholeWorkerDto'], 'figures'> & { readonly figures?: WorkerFigures };
export type Model = Schemas['ModelDto'];
export type ModelPage = Schemas['ModelListDto'];

export interface Overview {
  readonly at: string;
  readonly workers: Readonly<Record<string, number>>;
  readonly taking: number;
  readonly running: number;
  readonly may_run: number | null;
  readonly waiting: {
    readonly total: number;
    readonly oldest_ms: number | null;
    readonly by_model: Readonly<Record<string, number>>;
  };
  readonly minute: {
    readonly requests: number;
    readonly failed: number;
    readonly saved_by_retry: number;
    readonly ttft_p50_ms: number | null;
    readonly ttft_p95_ms: number | null;
  };
  readonly hour: Readonly<
    Record<'requests' | 'failed' | 'ttft_p50_ms' | 'running' | 'waiting', readonly (number | null)[]>
  >;
  readonly replicas: readonly { readonly host: string; readonly seen_at: string }[];
  readonly registry_age_s: number;
}

/** Workers have no name of their own at first; their host distinguishes them. */
export function nameOf({ name, req_url_template }: Pick<Worker, 'name' | 'req_url_template'>): string {
  if (name !== '') return name;
  return addressOf(req_url_template).replace(/\/.*/, '');
}

/** A URL without its scheme. */
export const addressOf = (url: string): string => url.replace(/^https?:\/\//, '');
