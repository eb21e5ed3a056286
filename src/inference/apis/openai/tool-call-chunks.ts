import type { ChatEvent } from '../../chat/chat.js';
import { signatureIn, signed } from '../../chat/tool-calls.js';
import { isJsonObject, isCompleteObject } from '../../../input/json.js';

/** A call that is still arriving. */
interface StreamedCall {
  /** Counted here: one more than that of the call before. */
  readonly index: number;
  /** The upstream's index, which several calls may share. */
  readonly slot: number;
  id: string | undefined;
  name: string | undefined;
  arguments: string;
}

/** The content of one chunk of a call. */
interface CallChunk {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string;
}

/**
 * Assigns chunks to the calls of one stream. OpenAI numbers calls and names each once; versions of Ollama send no index
 * (https://github.com/ollama/ollama/issues/7881) or always 0 (https://github.com/ollama/ollama/issues/15457). So a new id
 * starts a new call, whatever its index, and so does a name when the call before it is complete.
 */
export class ToolCallChunks {
  private readonly calls: StreamedCall[] = [];
  private readonly current = new Map<number, StreamedCall>();
  private slot = 0;

  constructor(private readonly newId: () => string) {}

  get isAny(): boolean {
    return this.calls.length > 0;
  }

  read(value: unknown): readonly ChatEvent[] {
    if (!isJsonObject(value)) return [];
    const called = isJsonObject(value['function']) ? value['function'] : {};
    const chunk: CallChunk = {
      id: nonEmpty(value['id']),
      name: nonEmpty(called['name']),
      arguments: jsonTextOf(called['arguments']),
    };
    if (typeof value['index'] === 'number') this.slot = value['index'];
    const known = this.find(chunk);
    if (known === undefined && chunk.id === undefined && chunk.name === undefined && chunk.arguments === '')
      return [];
    const call = known ?? this.begin(chunk);
    this.current.set(this.slot, call);
    const name = known?.name === undefined ? chunk.name : undefined;
    call.id ??= chunk.id;
    call.name ??= chunk.name;
    call.arguments += chunk.arguments;
    return [
      {
        kind: 'tool_call',
        index: call.index,
        ...(known === undefined ? { id: chunk.id ?? this.newId() } : {}),
        ...(name === undefined ? {} : { name }),
        arguments: chunk.arguments,
        ...signed(signatureIn(value['extra_content'])),
      },
    ];
  }

  /** `undefined`: the chunk starts a call. */
  private find(chunk: CallChunk): StreamedCall | undefined {
    const { slot } = this;
    const named = this.calls.findLast((call) => call.slot === slot && call.id === chunk.id);
    const call = (chunk.id === undefined ? undefined : named) ?? this.current.get(slot);
    return call === undefined || startsNewCall(chunk, call) ? undefined : call;
  }

  private begin({ id, name }: CallChunk): StreamedCall {
    const call = { index: this.calls.length, slot: this.slot, id, name, arguments: '' };
    this.calls.push(call);
    return call;
  }
}

/** The arguments of a call as JSON text; empty when there are none yet. */
export function jsonTextOf(args: unknown): string {
  if (typeof args === 'string') return args;
  return args === undefined || args === null ? '' : JSON.stringify(args);
}

function startsNewCall(chunk: CallChunk, current: StreamedCall): boolean {
  if (chunk.id !== undefined && current.id !== undefined && chunk.id !== current.id) return true;
  if (chunk.name === undefined || current.name === undefined) return false;
  return chunk.name !== current.name || (chunk.arguments !== '' && isCompleteObject(current.arguments));
}

/** Some servers repeat fields as empty strings. */
function nonEmpty(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
