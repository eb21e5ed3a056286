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
import { objectOf, listOf, countOf, parseEvent, textOf } from '../../chat/upstream-json.js';
import { NeutralError } from '../../../upstream/upstream-errors.js';
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
    finish: finishOf(finishReason, toolCalls.length > 0),
    usage,
  };
}

/**
 * Reads a stream of streamGenerateContent?alt=sse. It has no end marker. Responses say "finishReason" before the last one,
 * too, some of them in every one (https://github.com/BerriAI/litellm/issues/2195): what counts is the last when the stream
 * ends, and a stream without any was cut off.
 */
export function geminiReader(newId = newCallId): StreamReader {
  let calls = 0;
  let reason: string | null = null;
  let counted: Usage | null = null;

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
    const { pieces, finishReason, usage } = readResponse(parseEvent(data));
    reason = finishReason ?? reason;
    // Counted anew in every response.
    counted = usage ?? counted;
    return pieces.map(toEvent);
  };

  const end = (): readonly ChatEvent[] => {
    if (reason === null) return [];
    const finish = { kind: 'finish', reason: finishOf(reason, calls > 0) } as const;
    return counted === null ? [finish] : [finish, { kind: 'usage', usage: counted }];
  };

  return Object.assign(read, { end });
}

/** A GenerateContentResponse, of which a stream sends many: https://ai.google.dev/api/generate-content */
export interface GeminiResponse {
  readonly pieces: readonly GeminiPiece[];
  /** `null`: it goes on. */
  readonly finishReason: string | null;
  readonly usage: Usage | null;
}

export type GeminiPiece =
  | { readonly kind: 'text' | 'reasoning'; readonly text: string }
  /** Gemini sends a call whole. `id` where it gives one; of calls made at once the first has the signature. */
  | {
      readonly kind: 'call';
      readonly id: string | null;
      readonly name: string;
      readonly arguments: string;
      readonly signature: string | undefined;
    };

/** @throws ProtocolError */
export function readResponse(body: unknown): GeminiResponse {
  // An error of a stream that was not asked for as SSE comes in a list.
  const response = objectOf(Array.isArray(body) ? (body as unknown[])[0] : body, 'the answer');
  throwIfError(response['error']);
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

/** @throws NeutralError where the model failed to write what it was to: the service it runs on is well */
export function finishOf(reason: string | null, calledTools: boolean): FinishReason {
  switch (reason) {
    case 'MAX_TOKENS':
      return 'length';
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    case 'IMAGE_SAFETY':
    case 'IMAGE_PROHIBITED_CONTENT':
    case 'IMAGE_RECITATION':
    // "the query or response may violate the terms of service or be otherwise unsupported"
    // [https://ai.google.dev/gemini-api/docs/troubleshooting]; an answer in a language that is not supported is kept back, too.
    case 'OTHER':
    case 'IMAGE_OTHER':
    case 'LANGUAGE':
      return 'content_filter';
    case 'MALFORMED_FUNCTION_CALL':
    case 'MALFORMED_RESPONSE':
    case 'UNEXPECTED_TOOL_CALL':
    case 'TOO_MANY_TOOL_CALLS':
    case 'MISSING_THOUGHT_SIGNATURE':
      throw new NeutralError(`the model gave up: ${reason}`);
    // STOP, NO_IMAGE of who wanted text, or one that is new to us.
    case null:
    default:
      return calledTools ? 'tool_calls' : 'stop';
  }
}

function throwIfError(error: unknown): void {
  if (error === undefined || error === null) return;
  const message = isJsonObject(error) ? (error['message'] ?? error['status']) : error;
  throw new ProtocolError(typeof message === 'string' ? message : 'the worker says that it failed');
}

/** Parts of kinds nobody asked for, such as code that it ran itself, are left out. */
function pieceOf(part: Readonly<Record<string, unknown>>, what: string): readonly GeminiPiece[] {
  if (isJsonObject(part['functionCall'])) {
    const { id, name, args } = part['functionCall'];
    const signature = part['thoughtSignature'];
    return [
      {
        kind: 'call',
        id: typeof id === 'string' && id !== '' ? id : null,
        name: textOf(name, `${what}.functionCall.name`),
        arguments: JSON.stringify(objectOf(args ?? {}, `${what}.functionCall.args`)),
        signature: typeof signature === 'string' && signature !== '' ? signature : undefined,
      },
    ];
  }
  if (part['text'] === undefined) return imageIn(part);
  const text = textOf(part['text'], `${what}.text`);
  return text === '' ? [] : [{ kind: part['thought'] === true ? 'reasoning' : 'text', text }];
}

/** In a text there is no place for an image but Markdown. https://ai.google.dev/gemini-api/docs/image-generation */
function imageIn({ inlineData: blob, thought }: Readonly<Record<string, unknown>>): readonly GeminiPiece[] {
  if (!isJsonObject(blob) || thought === true) return [];
  const { mimeType, data } = blob;
  if (typeof mimeType !== 'string' || typeof data !== 'string' || !mimeType.startsWith('image/')) return [];
  return [{ kind: 'text', text: `![image](data:${mimeType};base64,${data})` }];
}

/** Gemini counts thoughts beside the candidates, and what its own tools put in beside the prompt. */
function usageOf(told: unknown): Usage | null {
  if (!isJsonObject(told)) return null;
  const prompt = countOf(told['promptTokenCount']);
  const candidates = countOf(told['candidatesTokenCount']);
  const reasoning = countOf(told['thoughtsTokenCount']);
  if (prompt === undefined && candidates === undefined && reasoning === undefined) return null;
  const cached = countOf(told['cachedContentTokenCount']);
  return {
    input: (prompt ?? 0) + (countOf(told['toolUsePromptTokenCount']) ?? 0),
    output: (candidates ?? 0) + (reasoning ?? 0),
    ...(cached === undefined ? {} : { cached }),
    ...(reasoning === undefined ? {} : { reasoning }),
  };
}
