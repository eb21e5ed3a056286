import type { Worker, WorkerCall } from '../../registry/worker.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { ChatAnswer, ChatEvent, StreamEvent, StreamStage } from '../chat/chat.js';

/** What has to be known of a worker to speak with it. */
export type CallableWorker = Pick<Worker, 'modelName' | 'task' | 'defaults'> & { readonly call: WorkerCall };

/** What of an upstream's whole answer is read. */
export interface AnswerText {
  readonly text: string;
}

/** Reads one stream. */
export interface EventReader {
  /** How far the stream is: past its end marker it is `over`, or `counting` while what it cost may follow. */
  readonly stage: StreamStage;
  /** @throws ProtocolError */
  read(event: StreamEvent): readonly ChatEvent[];
  /** The stream ended in order, as far as HTTP is concerned. @throws ProtocolError when it was cut off all the same */
  end(): readonly ChatEvent[];
}

/** What an error says, of an API that is known. */
export type ReadErrorMessage = (text: string) => string | undefined;

/** What is said to one worker for one request, and how its answer is taken. */
export type PreparedCall =
  | {
      readonly mode: 'whole';
      readonly call: UpstreamCall;
      /** @throws ProtocolError, ExtractError, UnsuccessfulAnswerError */
      readonly read: (answer: AnswerText) => ChatAnswer;
      readonly refusal?: ReadErrorMessage;
    }
  | {
      readonly mode: 'stream';
      readonly call: UpstreamCall;
      /** `null`: by the answer's content type. */
      readonly format: 'sse' | 'ndjson' | null;
      readonly reader: () => EventReader;
      /** Reads what came whole although a stream was asked for; left out: that has no meaning. @throws ProtocolError */
      readonly whole?: (answer: AnswerText) => readonly ChatEvent[];
      readonly refusal?: ReadErrorMessage;
    }
  /** The caller's own bytes, and the upstream's. */
  | { readonly mode: 'pass'; readonly call: UpstreamCall; readonly isStream: boolean };
