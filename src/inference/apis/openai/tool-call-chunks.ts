import type { ChatEvent } from '../../chat/chat.js';
import { signatureIn, signed } from '../../chat/tool-calls.js';
import { isJsonObject } from '../../../input/json.js';
import { isWholeObject } from '../../chat/json.js';

/** A call that is being written. */
interface StreamedCall {
  /** Ours: one more than that of the call before it. */
  readonly index: number;
  /** The upstream's number for it, which others may have, too. */
  readonly slot: number;
  id: string | undefined;
  name: string | undefined;
  arguments: string;
}

/** What one piece tells. */
interface Told {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string;
}

/**
 * Tells the calls of one stream apart. OpenAI numbers them, and names each once; Ollama has numbered none of them
 * (https://github.com/ollama/ollama/issues/7881) and all of them 0 (https://github.com/ollama/ollama/issues/15457). So another
 * id is another call, whatever its number, and so is a name where the call before it cannot go on.
 */
export class ToolCallChunks {
  private readonly calls: StreamedCall[] = [];
  private readonly current = new Map<number, StreamedCall>();
  private slot = 0;

  constructor(private readonly newId: () => string) {}

  get isAny(): boolean {
    return this.calls.length > 0;
  }

  read(piece: unknown): readonly ChatEvent[] {
    if (!isJsonObject(piece)) return [];
    const called = isJsonObject(piece['function']) ? piece['function'] : {};
    const told: Told = {
      id: wordIn(piece['id']),
      name: wordIn(called['name']),
      arguments: jsonTextOf(called['arguments']),
    };
    if (typeof piece['index'] === 'number') this.slot = piece['index'];
    const known = this.find(told);
    if (known === undefined && told.id === undefined && told.name === undefined && told.arguments === '')
      return [];
    const call = known ?? this.begin(told);
    this.current.set(this.slot, call);
    const name = known?.name === undefined ? told.name : undefined;
    call.id ??= told.id;
    call.name ??= told.name;
    call.arguments += told.arguments;
    return [
      {
        kind: 'tool_call',
        index: call.index,
        ...(known === undefined ? { id: told.id ?? this.newId() } : {}),
        ...(name === undefined ? {} : { name }),
        arguments: told.arguments,
        ...signed(signatureIn(piece['extra_content'])),
      },
    ];
  }

  /** `undefined`: the piece begins a call. */
  private find(told: Told): StreamedCall | undefined {
    const { slot } = this;
    const named = this.calls.findLast((call) => call.slot === slot && call.id === told.id);
    const call = (told.id === undefined ? undefined : named) ?? this.current.get(slot);
    return call === undefined || isAnother(told, call) ? undefined : call;
  }

  private begin({ id, name }: Told): StreamedCall {
    const call = { index: this.calls.length, slot: this.slot, id, name, arguments: '' };
    this.calls.push(call);
    return call;
  }
}

/** The arguments of a call as JSON text; of one that takes nothing, or has not come to them, none. */
export function jsonTextOf(args: unknown): string {
  if (typeof args === 'string') return args;
  return args === undefined || args === null ? '' : JSON.stringify(args);
}

function isAnother(told: Told, current: StreamedCall): boolean {
  if (told.id !== undefined && current.id !== undefined && told.id !== current.id) return true;
  if (told.name === undefined || current.name === undefined) return false;
  return told.name !== current.name || (told.arguments !== '' && isWholeObject(current.arguments));
}

/** Some servers send empty ones where there is nothing new. */
function wordIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
