import type { JsonValue } from '../../../template/json-value.js';
import { UntranslatableError } from '../../chat/protocol-error.js';
import type { Call } from '../from-openai/calls.js';
import { type JsonObject, present } from '../from-openai/json-object.js';
import type { Media, Part } from '../from-openai/parts.js';
import type { AssistantTurn, Conversation, Result, UserTurn } from '../from-openai/turns.js';

/** The four of `Base64ImageSource` in @anthropic-ai/sdk. */
const IMAGES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** @throws UntranslatableError */
export function anthropicMessages({ turns }: Conversation): readonly JsonObject[] {
  const ids = new CallIds();
  return turns.map((turn) => ({
    role: turn.role,
    content: turn.role === 'user' ? userBlocks(turn, ids) : assistantBlocks(turn, ids),
  }));
}

/** Results first: Anthropic wants them at the head of the turn that follows the calls. */
function userBlocks({ results, parts }: UserTurn, ids: CallIds): readonly JsonObject[] {
  return [...results.map((result) => resultBlock(result, ids)), ...parts.map(block)];
}

function assistantBlocks({ texts, calls }: AssistantTurn, ids: CallIds): readonly JsonObject[] {
  const used = calls.map((call) => ({
    type: 'tool_use',
    id: ids.take(call),
    name: call.name,
    input: call.input,
  }));
  return [...texts.map((text) => ({ type: 'text', text })), ...used];
}

function resultBlock({ call, parts }: Result, ids: CallIds): JsonObject {
  return present({
    type: 'tool_result',
    tool_use_id: ids.of(call),
    content: parts.length === 0 ? undefined : parts.map(block),
  });
}

function block(part: Part): JsonObject {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image', source: imageSource(part.media, part.field) };
    case 'file':
      return present({
        type: 'document',
        source: documentSource(part.media, part.field),
        title: part.name,
      });
    case 'audio':
      throw new UntranslatableError(part.field, 'is audio, which Anthropic takes none of');
  }
}

function imageSource(media: Media, field: string): JsonValue {
  if ('url' in media) return { type: 'url', url: media.url };
  const mediaType = media.mediaType === 'image/jpg' ? 'image/jpeg' : media.mediaType;
  if (!IMAGES.has(mediaType))
    throw new UntranslatableError(field, 'must be a jpeg, png, gif or webp image for Anthropic');
  return { type: 'base64', media_type: mediaType, data: media.base64 };
}

function documentSource(media: Media, field: string): JsonValue {
  if ('url' in media) return { type: 'url', url: media.url };
  if (media.mediaType === 'application/pdf')
    return { type: 'base64', media_type: media.mediaType, data: media.base64 };
  if (media.mediaType.startsWith('text/'))
    return { type: 'text', media_type: 'text/plain', data: Buffer.from(media.base64, 'base64').toString() };
  throw new UntranslatableError(field, 'must be a PDF or text for Anthropic');
}

/** Anthropic's ids are unique in a request, and of letters, digits, _ and -; other models' need not be. */
class CallIds {
  private readonly byCall = new Map<Call, string>();
  private readonly taken = new Map<string, number>();

  take(call: Call): string {
    const clean = call.id.replaceAll(/[^a-zA-Z0-9_-]/g, '_') || 'call';
    let id = clean;
    // Counting on from where it stopped, or a thousand calls named alike would be a million looks.
    for (let nth = (this.taken.get(clean) ?? 0) + 1; this.taken.has(id); nth++) {
      id = `${clean}_${nth}`;
      this.taken.set(clean, nth);
    }
    this.taken.set(id, this.taken.get(id) ?? 1);
    this.byCall.set(call, id);
    return id;
  }

  of(call: Call): string {
    return this.byCall.get(call) ?? call.id;
  }
}
