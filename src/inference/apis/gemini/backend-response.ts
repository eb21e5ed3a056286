import type {
  ChatAnswer,
  ChatEvent,
  OpenAiToolCall,
  Usage,
  StreamReader,
  StreamEvent,
  FinishReason,
} from '../../chat/chat.js';
import { newCallId, signed } from '../../chat/tool-calls.js';
import { ProtocolError } from '../../chat/chat-errors.js';
import {
  largerUsage,
  throwIfError,
  objectOf,
  listOf,
  countOf,
  parseEvent,
  stringOf,
} from '../../chat/answer-body.js';
import { NeutralError } from '../../../upstream/upstream-errors.js';
import { jsonTextOf } from '../../../input/exact-json.js';
import { isJsonObject } from '../../../input/json.js';

/** @throws ProtocolError */
export function geminiAnswer(body: unknown, newId = newCallId): ChatAnswer {
  const { pieces, finishReason, usage } = readResponse(body);
  if (pieces.length === 0 && finishReason === null) throw new ProtocolError('the answer has no candidates');
  const texts: string[] = [];
  const thoughts: string[] = [];
  const toolCalls: OpenAiToolCall[] = [];
  for (const piece of pieces) {
    if (piece.kind === 'text') texts.push(piece.text);
    if (piece.kind === 'reasoning') thoughts.push(piece.text);
    if (piece.kind === 'call') {
      const { id, name, arguments: text, signature } = piece;
      const called = { name, arguments: text };
      toolCalls.push({ id: id ?? newId(), type: 'function', function: called, ...signed(signature) });
    }
  }
  return {
    text: texts.length === 0 && toolCalls.length > 0 ? null : texts.join(''),
    ...(thoughts.length === 0 ? {} : { reasoning: thoughts.join('') }),
    toolCalls,
    finish: geminiFinish(finishReason, toolCalls.length > 0),
    usage,
  };
}

/**
 * Reads a stream of streamGenerateContent?alt=sse. It has no end marker, and "finishReason" may come before the last
 * response, even in every one (https://github.com/BerriAI/litellm/issues/2195): the last one counts when the stream ends.
 * A stream without any was cut off.
 */
export function geminiReader(newId = newCallId): StreamReader {
  let calls = 0;
  let reason: string | null = null;
  let total: Usage | null = null;

  const toEvent = (piece: GeminiPiece): ChatEvent => {
    if (piece.kind !== 'call') return piece;
    const { id, name, arguments: text, signature } = piece;
    return {
      kind: 'tool_call',
      index: calls++,
      id: id ?? newId(),
      name,
      arguments: text,
      ...signed(signature),
    };
  };

  const read = ({ data }: StreamEvent): readonly ChatEvent[] => {
    const { pieces, finishReason, usage } = readResponse(parseEvent(data, CALL_ARGS));
    reason = finishReason ?? reason;
    // Every response counts the whole answer so far.
    total = largerUsage(total, usage);
    return pieces.map(toEvent);
  };

  const end = (): readonly ChatEvent[] => {
    if (reason === null) return [];
    const finish = { kind: 'finish', reason: geminiFinish(reason, calls > 0) } as const;
    return total === null ? [finish] : [finish, { kind: 'usage', usage: total }];
  };

  return Object.assign(read, { end });
}

/** Where the arguments of calls stand, whose digits must reach the client. */
export const CALL_ARGS = ['candidates', null, 'content', 'parts', null, 'functionCall', 'args'] as const;

/** A GenerateContentResponse; a stream is a sequence of them: https://ai.google.dev/api/generate-content */
export interface GeminiResponse {
  readonly pieces: readonly GeminiPiece[];
  /** `null`: the answer goes on. */
  readonly finishReason: string | null;
  readonly usage: Usage | null;
}

export type GeminiPiece =
  | { readonly kind: 'text' | 'reasoning'; readonly text: string }
  /** Calls come whole, `id` not always. The first of parallel calls has the signature. */
  | {
      readonly kind: 'call';
      readonly id: string | null;
      readonly name: string;
      readonly arguments: string;
      readonly signature: string | undefined;
    };

/** @throws ProtocolError */
export function readResponse(body: unknown): GeminiResponse {
  // Without alt=sse, errors of a stream come in a list.
  const response = objectOf(Array.isArray(body) ? (body as unknown[])[0] : body, 'the answer');
  throwIfError(response);
  const [first] = listOf(response['candidates'], 'candidates');
  const candidate = first === undefined ? {} : objectOf(first, 'candidates[0]');
  const content = isJsonObject(candidate['content']) ? candidate['content'] : {};
  const parts = listOf(content['parts'], 'parts');
  const feedback = response['promptFeedback'];
  const blocked = isJsonObject(feedback) ? feedback['blockReason'] : undefined;
  const reason = candidate['finishReason'] ?? (typeof blocked === 'string' ? 'SAFETY' : null);
  return {
    pieces: parts.flatMap((part, index) => pieceOf(objectOf(part, `parts[${index}]`), `parts[${index}]`)),
    finishReason: typeof reason === 'string' && reason !== 'FINISH_REASON_UNSPECIFIED' ? reason : null,
    usage: usageOf(response['usageMetadata']),
  };
}

/** @throws NeutralError if the model failed to produce an answer: the service itself is healthy */
export function geminiFinish(reason: string | null, calledTools: boolean): FinishReason {
  switch (reason) {
    case 'MAX_TOKENS':
      return 'length';
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    // Of Vertex AI.
    case 'MODEL_ARMOR':
    case 'IMAGE_SAFETY':
    case 'IMAGE_PROHIBITED_CONTENT':
    case 'IMAGE_RECITATION':
    // "the query or response may violate the terms of service or be otherwise unsupported"
    // [https://ai.google.dev/gemini-api/docs/troubleshooting]; answers in an unsupported language are held back, too.
    case 'OTHER':
    case 'IMAGE_OTHER':
    case 'LANGUAGE':
      return 'content_filter';
    case 'MALFORMED_FUNCTION_CALL':
    case 'MALFORMED_RESPONSE':
    case 'UNEXPECTED_TOOL_CALL':
    case 'TOO_MANY_TOOL_CALLS':
    case 'MISSING_THOUGHT_SIGNATURE':
      throw new NeutralError(`the model stopped without an answer: ${reason}`);
    // STOP, NO_IMAGE, and unknown reasons.
    case null:
    default:
      return calledTools ? 'tool_calls' : 'stop';
  }
}

/** Parts of other kinds, such as code that the model ran itself, are left out. */
function pieceOf(part: Readonly<Record<string, unknown>>, what: string): readonly GeminiPiece[] {
  if (isJsonObject(part['functionCall'])) {
    const { id, name, args } = part['functionCall'];
    const signature = part['thoughtSignature'];
    return [
      {
        kind: 'call',
        id: typeof id === 'string' && id !== '' ? id : null,
        name: stringOf(name, `${what}.functionCall.name`),
        arguments: jsonTextOf(objectOf(args ?? {}, `${what}.functionCall.args`)),
        signature: typeof signature === 'string' && signature !== '' ? signature : undefined,
      },
    ];
  }
  if (part['text'] === undefined) return imageIn(part);
  const text = stringOf(part['text'], `${what}.text`);
  return text === '' ? [] : [{ kind: part['thought'] === true ? 'reasoning' : 'text', text }];
}

/** Text can contain an image only as Markdown. https://ai.google.dev/gemini-api/docs/image-generation */
function imageIn({ inlineData: blob, thought }: Readonly<Record<string, unknown>>): readonly GeminiPiece[] {
  if (!isJsonObject(blob) || thought === true) return [];
  const { mimeType, data } = blob;
  if (typeof mimeType !== 'string' || typeof data !== 'string' || !mimeType.startsWith('image/')) return [];
  return [{ kind: 'text', text: `![image](data:${mimeType};base64,${data})` }];
}

/** Gemini counts thoughts besides the candidates, and input of its own tools besides the prompt. */
function usageOf(metadata: unknown): Usage | null {
  if (!isJsonObject(metadata)) return null;
  const prompt = countOf(metadata['promptTokenCount']);
  const candidates = countOf(metadata['candidatesTokenCount']);
  const reasoning = countOf(metadata['thoughtsTokenCount']);
  if (prompt === undefined && candidates === undefined && reasoning === undefined) return null;
  const cached = countOf(metadata['cachedContentTokenCount']);
  return {
    input: (prompt ?? 0) + (countOf(metadata['toolUsePromptTokenCount']) ?? 0),
    output: (candidates ?? 0) + (reasoning ?? 0),
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}
