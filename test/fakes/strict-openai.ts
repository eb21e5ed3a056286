import type { ServerResponse } from 'node:http';
import { isStrict } from '../../src/inference/adapt/strict-schemas.js';
import { startFakeUpstream, type SeenRequest } from './fake-upstream.js';

/** What a server with OpenAI's API refuses, besides what all of them refuse. */
export interface Strictness {
  readonly limit?: 'max_tokens' | 'max_completion_tokens';
  readonly mostTokens?: number;
  /** Fields at the top that are a 422, or a 400. */
  readonly unknown?: readonly string[];
  /** `mistral`: results of tools are followed by the assistant, instructions come early, and the end is the user's or has a flag. */
  readonly order?: 'mistral';
  /** Ids of calls. */
  readonly ids?: RegExp;
  /** `wanted`: calls of earlier turns must have their reasoning. `unknown`: no message may have it. */
  readonly reasoning?: 'wanted' | 'unknown';
  /** Roles that are a 422, or a 400. */
  readonly unknownRoles?: readonly string[];
  /** `json_object`: no schema of the answer, and the word JSON in the messages. */
  readonly answers?: 'json_object';
  /** Fields of messages that are a 422, or a 400. */
  readonly unknownOfMessages?: readonly string[];
}

interface Message {
  readonly [field: string]: unknown;
  readonly role: string;
  readonly content?: unknown;
  readonly reasoning_content?: unknown;
  readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string } }[];
  readonly tool_call_id?: string;
}
export interface Body {
  readonly messages: readonly Message[];
  readonly stream?: boolean;
  readonly tools?: readonly {
    readonly function: { readonly name: string; readonly strict?: boolean; readonly parameters?: unknown };
  }[];
  readonly response_format?: {
    readonly type?: string;
    readonly json_schema?: { readonly strict?: boolean; readonly schema?: unknown };
  };
  readonly [field: string]: unknown;
}

/** The first thing that the server refuses in the words of OpenAI's errors; `null`: it takes the request. */
export function refusalOf(body: Body, rules: Strictness): string | null {
  const { messages, tools, response_format: format, tool_choice: choice } = body;
  if (Array.isArray(tools) && tools.length === 0) return "Invalid 'tools': empty array";
  if (choice !== undefined && tools === undefined)
    return "'tool_choice' is only allowed when 'tools' are specified";
  const other = rules.limit === 'max_completion_tokens' ? 'max_tokens' : 'max_completion_tokens';
  if (rules.limit !== undefined && body[other] !== undefined) return `Unsupported parameter: '${other}'`;
  const most = Number(body['max_tokens'] ?? body['max_completion_tokens'] ?? 0);
  if (rules.mostTokens !== undefined && most > rules.mostTokens) return `max_tokens is too large: ${most}`;
  for (const name of rules.unknown ?? [])
    if (body[name] !== undefined) return `Unsupported parameter: '${name}'`;
  for (const { function: called } of tools ?? []) {
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(called.name)) return `Invalid 'tools[0].function.name': ${called.name}`;
    if (called.strict === true && !isStrict(called.parameters))
      return `Invalid schema for function '${called.name}'`;
  }
  if (rules.answers === 'json_object') {
    if (format?.json_schema !== undefined) return 'This response_format type is unavailable now';
    if (format !== undefined && !/json/i.test(JSON.stringify(messages)))
      return "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.";
  }
  const schema = format?.json_schema;
  if (schema?.strict === true && !isStrict(schema.schema))
    return "Invalid schema for response_format: Missing 'b'";
  return messageRefusal(messages, rules);
}

function messageRefusal(
  messages: readonly Message[],
  { ids, reasoning, order, unknownOfMessages = [], unknownRoles = [] }: Strictness,
): string | null {
  const refused = order === 'mistral' ? orderRefusal(messages) : null;
  if (refused !== null) return refused;
  let open: readonly string[] = [];
  let unanswered = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const calls = message.tool_calls ?? [];
    const unknown = unknownOfMessages.find((name) => message[name] !== undefined);
    if (unknown !== undefined) return `messages[${index}].${unknown}: property '${unknown}' is unsupported`;
    if (unknownRoles.includes(message.role))
      return `messages[${index}].role: unknown variant '${message.role}'`;
    if (message.tool_calls?.length === 0) return `messages[${index}].tool_calls: empty array`;
    if (message.role === 'tool') {
      if (!open.includes(message.tool_call_id ?? '')) return `messages[${index}]: no such tool call`;
      unanswered.delete(message.tool_call_id ?? '');
      continue;
    }
    if (unanswered.size > 0)
      return `messages[${index}]: tool_calls without a response: ${[...unanswered].join()}`;
    open = calls.map(({ id }) => id);
    unanswered = new Set(open);
    if (new Set(open).size < open.length) return `messages[${index}]: two calls with one id`;
    if (ids !== undefined && open.some((id) => !ids.test(id)))
      return `messages[${index}]: invalid tool call id`;
    for (const { function: called } of calls)
      if (!/^[a-zA-Z0-9_-]{1,64}$/.test(called.name))
        return `messages[${index}]: invalid name ${called.name}`;
    if (message.role !== 'assistant') continue;
    const isEmpty = message.content === undefined || message.content === null || message.content === '';
    if (isEmpty && calls.length === 0) return `messages[${index}]: neither content nor tool_calls`;
    if (reasoning === 'unknown' && message.reasoning_content !== undefined)
      return `messages[${index}].reasoning_content: extra fields not permitted`;
    if (reasoning === 'wanted' && calls.length > 0 && message.reasoning_content === undefined)
      return `Missing reasoning_content field in the assistant message at message index ${index}`;
  }
  return null;
}

/** What may come after a role: https://github.com/mistralai/mistral-common, validator.py */
const AFTER: Readonly<Record<string, readonly string[]>> = {
  system: ['user', 'assistant', 'system'],
  user: ['assistant', 'system', 'user'],
  assistant: ['assistant', 'user', 'tool'],
  tool: ['assistant', 'tool'],
};

function orderRefusal(messages: readonly Message[]): string | null {
  for (const [index, { role }] of messages.slice(1).entries()) {
    const before = messages[index]?.role ?? '';
    if (AFTER[before]?.includes(role) === false) return `Unexpected role '${role}' after role '${before}'`;
  }
  const last = messages.at(-1);
  if (messages.slice(0, -1).some(({ prefix }) => prefix === true)) return 'prefix True must be last message';
  return last?.role === 'user' || last?.role === 'tool' || last?.['prefix'] === true
    ? null
    : `Expected last role User or Tool (or Assistant with prefix True) for serving but got ${last?.role}`;
}

/** What the model writes: the pieces of its text, its reasoning, and a call. */
export interface Written {
  readonly text?: readonly string[];
  readonly reasoning?: string;
  readonly call?: { readonly name: string; readonly arguments: string };
}
/** The body of a chat. */
export type OpenAiBody = Body;

/** A server that refuses what breaks the rules, and else writes what `write` makes of the request. */
export async function startStrictOpenAi(rules: Strictness, write: (body: Body) => Written) {
  const upstream = await startFakeUpstream((response, request) => {
    const body = JSON.parse(request.body) as Body;
    const message = refusalOf(body, rules);
    if (message !== null) {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } }),
      );
      return;
    }
    answer(
      response,
      body,
      write(body),
      rules.ids === undefined
        ? `call_${body.messages.length}`
        : `call${String(body.messages.length).padStart(5, '0')}`,
    );
  });
  return {
    upstream,
    url: upstream.url,
    /** The bodies that it took and refused, in their order. */
    bodies: () => upstream.requests.map(({ body }: SeenRequest) => JSON.parse(body) as Body),
    raw: () => upstream.requests.map(({ body }: SeenRequest) => body),
    stop: () => upstream.close(),
  };
}

const HEAD = { id: 'chatcmpl-1', created: 1, model: 'm' };

function answer(
  response: ServerResponse,
  { stream }: Body,
  { text, reasoning, call }: Written,
  id: string,
): void {
  const toolCalls = call === undefined ? [] : [{ index: 0, id, type: 'function', function: call }];
  const finish = call === undefined ? 'stop' : 'tool_calls';
  const thought = reasoning === undefined ? {} : { reasoning_content: reasoning };
  const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
  if (stream !== true) {
    const calls = toolCalls.length === 0 ? {} : { tool_calls: toolCalls };
    const message = { role: 'assistant', content: text?.join('') ?? null, ...thought, ...calls };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...HEAD, choices: [{ index: 0, message, finish_reason: finish }], usage }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (delta: object, end: string | null = null): void =>
    void response.write(
      `data: ${JSON.stringify({ ...HEAD, choices: [{ index: 0, delta, finish_reason: end }] })}\n\n`,
    );
  send({ role: 'assistant', content: '' });
  if (reasoning !== undefined) send(thought);
  for (const piece of text ?? []) send({ content: piece });
  if (toolCalls.length > 0) send({ tool_calls: toolCalls });
  send({}, finish);
  response.write(`data: ${JSON.stringify({ ...HEAD, choices: [], usage })}\n\n`);
  response.end('data: [DONE]\n\n');
}
