import { ApiProperty } from '@nestjs/swagger';
import type { Outcome } from '../../balancing/explain/explain-pick.js';
import { PRIORITIES, type Priority, type Strategy } from '../../config/balancing-settings.js';

/** A worker of the model, with what its pick depends on, as this replica sees it now. */
export class ExplainedWorkerDto {
  worker_id!: string;
  worker_name!: string;
  /** What keeps it from being picked; null: nothing. */
  why_not!: string | null;
  /**
   * That it is picked when it is the request's turn, from 0 to 1, right within 0.06; null: not known, because there are more
   * than 64 workers and the strategy leaves the pick to chance.
   */
  chance!: number | null;
  /** What the strategy compares, the lowest is picked; null: it compares no cost. */
  cost!: number | null;
  /** Its place in the order of the conversation: 1 is its home. null: the strategy has no such order. */
  place!: number | null;
  /** Requests of this replica that run there. */
  running!: number;
  /** Requests that this replica may run there now. */
  limit_here!: number;
  /** Of all replicas together. */
  max_concurrency!: number;
  weight!: number;
  /** Lower numbers go first. */
  priority!: number;
  /** Its time per token ÷ the median of the model: 0.25 to 8, 1 while it is not known. */
  relative_latency!: number;
  /** Its recent latency, which rises quickly and falls slowly; null: not known. */
  latency_ms!: number | null;
  /** The cost of its recent errors, in requests. */
  penalty!: number;
}

export class ExplainedFallbackDto {
  model!: string;
  outcome!: Outcome | 'refused';
  /** The id of the worker that would take the request; null: none. */
  would_pick!: string | null;
  /** Why it does not start there; null: it does. */
  reason!: string | null;
}

/** Where a request would go now. Nothing is called, counted or changed. */
export class ExplanationDto {
  /** The replica that answers: these are its figures, and another one may see other workers as free. */
  replica!: string;
  model!: string;
  /** The class that holds for the request. */
  @ApiProperty({ enum: PRIORITIES }) class!: Priority;
  /**
   * Who shares the model's slots: the team, else `key` or `user` and its name; null: a request without a key, or with ADMIN_API_KEY. A team
   * whose name begins like one of these has `team: ` before it.
   */
  tenant!: string | null;
  strategy!: Strategy | null;
  /**
   * starts: a worker takes it now. waits: one may take it later. fails: no worker can, and waiting does not help; the fallbacks
   * are tried then. job: calls of this model become jobs, which have no class and no queue here.
   */
  outcome!: Outcome | 'job';
  /** The id of the likeliest worker; null: the request does not start now. */
  would_pick!: string | null;
  /** Why it does not start; null: it does. */
  reason!: string | null;
  /** Requests that wait for the model on this replica. */
  queued!: number;
  /** How many workers the model has. */
  workers!: number;
  /** The likeliest first; of more than 100 workers the first 100. */
  candidates!: ExplainedWorkerDto[];
  /** Where the request would be tried next, in order, if it fails here; empty where it does not fail. */
  fallbacks!: ExplainedFallbackDto[];
}
