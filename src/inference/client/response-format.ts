import type { ChatAnswer, ChatEvent } from '../chat/chat.js';
import type { FieldNames } from './field-names.js';

/** What all objects of one response have in common. */
export interface ResponseHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** Writes the events of one streamed answer as server-sent events. */
export interface StreamWriter {
  /** @returns '' where nothing is sent yet */
  event(event: ChatEvent): string;
  /** After the last event. */
  end(): string;
}

/** How an API writes its responses. */
export interface ResponseFormat {
  /** The whole answer as JSON. @throws ProtocolError where it cannot be expressed */
  whole(answer: ChatAnswer, head: ResponseHead): string;
  /** Left out: the answer always comes whole. */
  stream?(head: ResponseHead): StreamWriter;
  /** Sees the whole events of a stream that is passed through. */
  passed?(events: Buffer): void;
  /** In the middle of a stream, instead of its end. */
  errorEvent(error: unknown, requestId: string): string;
  /** How the API names the fields of a chat, for the faults of a request that was translated; left out: as they are. */
  readonly fieldNames?: FieldNames;
  /** The body for a worker's rejection; left out or `null`: the client gets the 502 of this service instead. */
  rejection?(rejection: Rejection, requestId: string): string | null;
}

/** A worker's rejection, for the envelope of the client's API. */
export interface Rejection {
  readonly status: number;
  readonly message: string;
  /** OpenAI's `error.code`. */
  readonly code: string | null;
  /** The request has more tokens than the model takes. */
  readonly isTooLong: boolean;
}
