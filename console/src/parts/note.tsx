import type { ComponentChildren } from 'preact';
import { type ApiProblem, explain } from '../api/client';
import { Icon } from './icon';

interface NoteProps {
  readonly kind?: '' | 'warn' | 'bad';
  readonly action?: { readonly word: string; readonly act: () => void };
  readonly children: ComponentChildren;
}

/** One line for what holds for the whole page or panel. */
export function Note({ kind = '', action, children }: NoteProps) {
  return (
    <div class={`note ${kind}`} role={kind === '' ? undefined : 'alert'}>
      {kind !== '' && <Icon shape={kind === 'warn' ? 'suspect' : 'unhealthy'} kind="dot" />}
      <span class="grow">{children}</span>
      {action !== undefined && (
        <button type="button" class="btn tiny" onClick={action.act}>
          {action.word}
        </button>
      )}
    </div>
  );
}

/** What the service answered, in its own words. What is still shown stays. */
export function Problem({
  problem,
  retry,
}: {
  readonly problem: ApiProblem | null;
  readonly retry?: () => void;
}) {
  // The page says once, for all its parts, that it is not connected.
  if (problem === null || problem.status === 0) return null;
  const action = retry === undefined ? {} : { action: { word: 'Try again', act: retry } };
  return (
    <Note kind="bad" {...action}>
      {problem.code === 'manager_database_unavailable' && (
        <b>
          The database is away. Requests are served from memory; nothing can be changed until it is back.{' '}
        </b>
      )}
      {explain(problem)}
    </Note>
  );
}

/** Why the last thing that was done has failed. */
export function Fault({ children }: { readonly children: ComponentChildren }) {
  return (
    <p class="fault" role="alert">
      {children}
    </p>
  );
}
