import type { Worker } from '../../registry/worker.js';
import { InvalidInputError } from '../../input/invalid-input-error.js';
import { RenderError } from '../../template/template-error.js';
import { UntranslatableError } from '../chat/protocol-error.js';
import type { Dialect } from '../inference-request.js';
import { UnsupportedTaskError } from '../unsupported-task-error.js';

/** A worker was lent that has no words for this request, and nobody was called. One that takes it as it is needs none. */
export function hasNoWords(error: unknown): boolean {
  return (
    error instanceof UnsupportedTaskError ||
    error instanceof UntranslatableError ||
    error instanceof InvalidInputError ||
    error instanceof RenderError
  );
}

/** Leaves nobody to be tried but those that speak the caller's language. @returns whether there is any */
export function leaveSpeakers(
  dialect: Dialect | undefined,
  workers: readonly Worker[],
  tried: Set<string>,
): boolean {
  let isAny = false;
  for (const { id, adminState, call } of workers) {
    if (tried.has(id)) continue;
    if (dialect === undefined || !isSpokenBy(call, dialect)) tried.add(id);
    else isAny ||= adminState === 'enabled';
  }
  return isAny;
}

function isSpokenBy(call: Worker['call'], dialect: Dialect): boolean {
  return 'kind' in call && call.kind === 'api' && call.protocol === dialect;
}
