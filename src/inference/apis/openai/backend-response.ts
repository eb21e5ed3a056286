import type { ChatAnswer, OpenAiToolCall } from '../../chat/chat.js';
import { newCallId, signatureIn, signed } from '../../chat/tool-calls.js';
import {
  contentIn,
  endOf,
  finishOf,
  isFailed,
  listOf,
  notOpenAi,
  objectIn,
  recordOf,
  refusalOf,
  usageOf,
} from './response-body.js';
import { jsonTextOf } from './tool-call-chunks.js';

/** Reads what an OpenAI-shaped server answered to a chat. @throws ProtocolError */
export function openAiAnswer(text: string, newId = newCallId): ChatAnswer {
  const body = objectIn(text);
  const choice = recordOf(listOf(body['choices'])[0]);
  if (choice === null || isFailed(body, choice)) throw notOpenAi(body, choice);
  const message = recordOf(choice['message']);
  // Of the older endpoint, and of servers that answer a chat in its manner.
  const content = contentIn(message === null ? choice['text'] : message['content']);
  const reasoning = message?.['reasoning_content'] ?? message?.['reasoning'] ?? content.reasoning;
  const toolCalls = listOf(message?.['tool_calls']).flatMap((call) => toolCallOf(call, newId));
  const refusal = refusalOf(message);
  const end = endOf(toolCalls.length > 0, refusal !== '');
  return {
    text: refusal === '' ? content.text : (content.text ?? '') + refusal,
    ...(typeof reasoning === 'string' && reasoning !== '' ? { reasoning } : {}),
    toolCalls,
    finish: finishOf(choice['finish_reason'], end) ?? end,
    usage: usageOf(body['usage']),
  };
}

function toolCallOf(value: unknown, newId: () => string): readonly OpenAiToolCall[] {
  const call = recordOf(value);
  const called = recordOf(call?.['function']);
  if (call === null || called === null) return [];
  const { id } = call;
  const { name, arguments: args } = called;
  return [
    {
      id: typeof id === 'string' && id !== '' ? id : newId(),
      type: 'function',
      function: { name: String(name), arguments: jsonTextOf(args ?? {}) },
      ...signed(signatureIn(call['extra_content'])),
    },
  ];
}
