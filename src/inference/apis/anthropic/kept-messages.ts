import { isJsonObject, parsedOrUndefined } from '../../../input/json.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import type { WorkerObjects } from '../../../registry/live/worker-objects.js';
import { ThreadNotFoundError } from '../../chat/chat-errors.js';
import type { KeptObjects } from '../../client/inference-request.js';
import { holdersOf } from '../responses/kept-responses.js';
import { eventBodies } from '../../passthrough/error-in-success.js';

/** What a message names that Anthropic's server keeps. */
export interface KeptFields {
  /** Of a conversation that the server holds. */
  readonly thread: unknown;
  /** Where code runs. */
  readonly container: unknown;
}

/** Betas with which the server makes a container by itself. */
const MAKES_CONTAINER = /\b(?:code-execution|skills)-/;

/** @returns `null`: the server keeps nothing of it, as of nearly all messages */
export function keptFields(
  thread: unknown,
  container: unknown,
  headers: Readonly<Record<string, string>>,
): KeptFields | null {
  const betas = headers['anthropic-beta'];
  const isAny = thread !== undefined || container !== undefined;
  return isAny || (betas !== undefined && MAKES_CONTAINER.test(betas)) ? { thread, container } : null;
}

/**
 * A thread and a container are at the server that made them: a message that goes on from one must go there.
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool
 * @param isScoped whether its caller may use some models only. @throws DatabaseUnavailableError
 */
export async function keptMessages(
  objects: WorkerObjects,
  { thread, container }: KeptFields,
  isScoped: boolean,
): Promise<KeptObjects> {
  const previous = isJsonObject(thread) ? idsIn(thread['previous_message_id']) : [];
  const named = [...previous, ...idsIn(container)];
  const holderIds = await holdersOf(objects, named, isScoped);
  return {
    holderId: holderIds[0] ?? null,
    holderIds,
    notFound: () => (previous.length > 0 ? new ThreadNotFoundError() : new InvalidInputError([UNKNOWN])),
    keep: (answer, isEvents, workerId) =>
      objects.keep(keptIds(answer, isEvents, isJsonObject(thread)), workerId),
  };
}

const UNKNOWN = { field: 'container', problem: 'is not known here: leave it out, and a new one is made' };

/** The ids of a message, whole or in events, and of its container. A message itself is kept as a part of a thread only. */
export function keptIds(answer: Buffer, isEvents: boolean, hasThread: boolean): readonly string[] {
  const messages = isEvents
    ? eventBodies(answer).flatMap((body) => (isJsonObject(body) ? [body['message'], body['delta']] : []))
    : [parsedOrUndefined(answer.toString())];
  return messages.flatMap((message) => {
    if (!isJsonObject(message)) return [];
    return [...(hasThread ? idsIn(message['id']) : []), ...idsIn(message['container'])];
  });
}

/** An id is a string, or that of an object. */
function idsIn(value: unknown): readonly string[] {
  const id = isJsonObject(value) ? value['id'] : value;
  return typeof id === 'string' ? [id] : [];
}
