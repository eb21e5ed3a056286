import { UntranslatableError } from '../../chat/protocol-error.js';
import type { Call } from '../from-openai/calls.js';
import { isObject, type JsonObject, present } from '../from-openai/json-object.js';
import type { Part } from '../from-openai/parts.js';
import type { AssistantTurn, Conversation, Result, UserTurn } from '../from-openai/turns.js';

/**
 * Gemini since 3 refuses a history of calls without the signatures of its thoughts; of a history that came without, this
 * takes their place: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
const NO_SIGNATURE = 'skip_thought_signature_validator';

export function geminiContents({ turns }: Conversation, upstreamModel: string): readonly JsonObject[] {
  const wantsSignatures = !/gemini-[12][.-]/.test(upstreamModel);
  return turns.map((turn) =>
    turn.role === 'user'
      ? { role: 'user', parts: userParts(turn) }
      : { role: 'model', parts: modelParts(turn, wantsSignatures) },
  );
}

/** What a tool answered besides text follows its answer. */
function userParts({ results, parts }: UserTurn): readonly JsonObject[] {
  const media = results.flatMap((result) => result.parts.filter(({ kind }) => kind !== 'text'));
  return [...results.map(resultPart), ...media.map(part), ...parts.map(part)];
}

function modelParts({ texts, calls }: AssistantTurn, wantsSignatures: boolean): readonly JsonObject[] {
  return [
    ...texts.map((text) => ({ text })),
    ...calls.map((call, index) => callPart(call, index, wantsSignatures)),
  ];
}

/** Of calls made at once the first carries the signature of all. */
function callPart({ id, name, input, signature }: Call, index: number, wantsSignatures: boolean): JsonObject {
  const placeholder = wantsSignatures && index === 0 ? NO_SIGNATURE : undefined;
  return present({ functionCall: { id, name, args: input }, thoughtSignature: signature ?? placeholder });
}

/** `response` is an object: what is none stands under "output", as Gemini's own clients write it. */
function resultPart({ call, parts }: Result): JsonObject {
  const text = parts.map((one) => (one.kind === 'text' ? one.text : '')).join('');
  return { functionResponse: { id: call.id, name: call.name, response: parsed(text) ?? { output: text } } };
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

function part(one: Part): JsonObject {
  if (one.kind === 'text') return { text: one.text };
  const { media } = one;
  if (!('url' in media)) return { inlineData: { mimeType: media.mediaType, data: media.base64 } };
  if (one.kind === 'audio') throw new UntranslatableError(one.field, 'must carry its data');
  return { fileData: present({ mimeType: mimeTypeOf(media.url), fileUri: media.url }) };
}

/** Gemini finds it out itself where it can; Vertex wants it said. */
function mimeTypeOf(url: string): string | undefined {
  const ending = /\.(png|jpe?g|webp|gif|heic|heif|pdf)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase();
  if (ending === undefined) return undefined;
  if (ending === 'pdf') return 'application/pdf';
  return ending === 'jpg' ? 'image/jpeg' : `image/${ending}`;
}
