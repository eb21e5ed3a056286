import type { Worker, WorkerCall, WorkerTask } from '../registry/worker.js';
import type { UpstreamCall } from '../upstream/upstream-client.js';
import type { ChatAnswer, ChatEvent, StreamEvent } from './chat/chat.js';
import type { InferenceRequest } from './inference-request.js';
import { UnsupportedTaskError } from './unsupported-task-error.js';
import { apiTalk } from './protocols/api-talk.js';
import { templateTalk } from './protocols/template-talk.js';

export type CallableWorker = Worker & { readonly call: WorkerCall };

/** What of an upstream's whole answer is read. */
export interface WholeText {
  readonly text: string;
}

/** Reads one stream. */
export interface PieceReader {
  /** @throws ProtocolError */
  read(event: StreamEvent): readonly ChatEvent[];
  /** The stream ended in order, as far as HTTP is concerned. @throws ProtocolError when it was cut off all the same */
  end(): readonly ChatEvent[];
}

/** What is said to one worker for one request, and how its answer is taken. */
export type Talk =
  | {
      readonly mode: 'whole';
      readonly call: UpstreamCall;
      /** @throws ProtocolError, ExtractError, UnsuccessfulAnswerError */
      readonly read: (answer: WholeText) => ChatAnswer;
    }
  | {
      readonly mode: 'stream';
      readonly call: UpstreamCall;
      /** `null`: by the answer's content type. */
      readonly format: 'sse' | 'ndjson' | null;
      readonly reader: () => PieceReader;
    }
  /** The caller's own bytes, and the upstream's. */
  | { readonly mode: 'pass'; readonly call: UpstreamCall; readonly isStream: boolean };

/**
 * Renders the request for a worker. Pure, and the request itself is never changed.
 * @throws UnsupportedTaskError, UntranslatableError, InvalidInputError, RenderError: the caller's fault; SecretMissingError
 */
export function talkWith(worker: CallableWorker, request: InferenceRequest): Talk {
  const { call } = worker;
  if (request.task !== null && !does(worker.task, request.task))
    throw new UnsupportedTaskError(request.task, worker.modelName, worker.task);
  return call.kind === 'template' ? templateTalk(worker, call, request) : apiTalk(worker, call, request);
}

/** Who chats can complete a text as well. */
function does(task: WorkerTask, wanted: WorkerTask): boolean {
  return task === wanted || (wanted === 'completion' && task === 'chat');
}
