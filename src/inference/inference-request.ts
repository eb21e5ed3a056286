/** One turn of a conversation, as OpenAI writes it; what else it holds is passed on as it is. */
export interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
}

/** What a caller wants of a model, whichever API it came through. */
export interface InferenceRequest {
  readonly id: string;
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly temperature: number | undefined;
  readonly maxTokens: number | undefined;
  readonly stream: boolean;
  /** Requests of one key belong together: `x-session-id`, else the beginning of the first message. */
  readonly key: string;
  /** Headers that travel on to the worker: x-request-id, traceparent. */
  readonly passedOn: Readonly<Record<string, string>>;
  /** The caller set the deadline, which travels on to the worker. */
  readonly deadlineIsCallers: boolean;
  /** The whole of it must be done by then (`performance.now()` clock). */
  readonly deadlineMs: number;
}
