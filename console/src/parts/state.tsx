import type { ComponentChildren } from 'preact';
import type { Schemas } from '../api/client';
import { STATE_WORDS, type StateName } from '../words/states';
import { Icon, type Shape } from './icon';

/** A shape and a word, always both. */
export function Mark({ shape, children }: { readonly shape: Shape; readonly children?: ComponentChildren }) {
  return (
    <span class={`st s-${shape}`}>
      <Icon shape={shape} kind="dot" />
      {children}
    </span>
  );
}

export function State({ state }: { readonly state: StateName }) {
  return <Mark shape={state}>{STATE_WORDS[state]}</Mark>;
}

/** What a worker that can sleep does, unless it is awake. */
export function Power({ of: power }: { readonly of: Schemas['PowerDto'] | null }) {
  if (power === null || power.state === 'awake') return null;
  return (
    <span class="tag" title={power.reason}>
      {power.state}
    </span>
  );
}

type JobStatus = Schemas['JobDto']['status'];

export const JOB_STATES: Readonly<Record<JobStatus, readonly [shape: Shape, word: string]>> = {
  running: ['running', 'Running'],
  queued: ['waiting', 'Waiting'],
  succeeded: ['done', 'Done'],
  failed: ['failed', 'Failed'],
  cancelled: ['cancelled', 'Cancelled'],
};

export function JobMark({ status }: { readonly status: JobStatus }) {
  const [shape, word] = JOB_STATES[status];
  return <Mark shape={shape}>{word}</Mark>;
}
