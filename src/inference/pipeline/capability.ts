import { InvalidInputError } from '../../input/input-errors.js';
import type { Model } from '../../registry/live/live-workers.js';
import { isCallable, type Worker } from '../../registry/worker.js';
import { RenderError } from '../../template/template-error.js';
import { UnsupportedFieldError, UnsupportedTaskError } from '../chat/chat-errors.js';

/** The request is valid, and this worker or model cannot serve it. */
export function isCapabilityError(error: unknown): boolean {
  return error instanceof UnsupportedTaskError || error instanceof UnsupportedFieldError;
}

/** The request could not be prepared for a worker, and nothing was sent. A worker of the client's own API may still take it. */
export function cannotServe(error: unknown): boolean {
  return isCapabilityError(error) || error instanceof InvalidInputError || error instanceof RenderError;
}

/**
 * Adds to `tried`, whose last worker could not serve a request, all others of the same capability.
 * @returns whether a worker is left
 */
export function excludeIncapable(workers: readonly Worker[], tried: Set<string>): boolean {
  const lastId = [...tried].at(-1);
  const last = workers.find(({ id }) => id === lastId);
  const insufficient = last === undefined ? null : capabilityOf(last);
  let isAnyLeft = false;
  for (const worker of workers) {
    if (tried.has(worker.id)) continue;
    const capability = capabilityOf(worker);
    if (capability === null || capability === insufficient) tried.add(worker.id);
    else isAnyLeft ||= worker.adminState === 'enabled';
  }
  return isAnyLeft;
}

/** Workers of the same capability can serve the same requests. `null`: the definition is faulty. */
export function capabilityOf(worker: Worker): string | null {
  if (!isCallable(worker)) return null;
  const { call, task } = worker;
  if (call.kind === 'api') return `${task ?? 'any'} by ${call.protocol} ${JSON.stringify(call.profile)}`;
  const { placeholders, requires, choices } = call;
  const needs = requires === null ? '' : ` and needs ${requires}`;
  return `${task ?? 'any'} with ${[...placeholders].toSorted().join(' ')}${needs} ${choices.text}`;
}

const MOST_NAMED = 5;

/** Names models that call tools in the error of one that does not; any other error stays as it is. */
export function withToolModels(error: unknown, models: () => readonly Model[]): unknown {
  if (!(error instanceof UnsupportedFieldError) || error.field !== 'tools') return error;
  const able = models().filter(({ workers }) => workers.some(mayCallTools));
  const names = able.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = able.length > names.length ? ', …' : '';
  const shown =
    names.length === 0 ? 'no model here calls tools' : `models that call tools: ${names.join(', ')}${more}`;
  return new UnsupportedFieldError('tools', `${error.problem}; ${shown}`);
}

/** A template has no place for tools. */
function mayCallTools(worker: Worker): boolean {
  const { task, adminState } = worker;
  const chats = task === null || task === 'chat';
  return chats && adminState === 'enabled' && isCallable(worker) && worker.call.kind === 'api';
}
