import { createHash } from 'node:crypto';

/*
 * What the Messages API refuses, by its documentation: https://platform.claude.com/docs/en/api/messages and the pages on
 * thinking, tools and structured outputs.
 */

type Fields = Readonly<Record<string, unknown>>;

class Refused extends Error {}

function check(isRight: unknown, message: string): asserts isRight {
  if (isRight !== true) throw new Refused(message);
}

/** The fake's signature of a thinking block: only the text that it signed has it. */
export function signatureOf(thinking: string): string {
  return createHash('sha256').update(`of the fake: ${thinking}`).digest('base64');
}

/** Why Anthropic refuses the request; `null`: it is taken. */
export function refusalOf(body: unknown): string | null {
  try {
    checkBody(body);
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

const FIELDS =
  'model max_tokens messages system tools tool_choice temperature top_p top_k stop_sequences thinking output_config metadata stream context_management service_tier thread'.split(
    ' ',
  );
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const PROPERTY = /^[a-zA-Z0-9_.-]{1,64}$/;

function checkBody(body: unknown): void {
  check(isObject(body), 'the body: must be an object');
  for (const name of Object.keys(body))
    check(FIELDS.includes(name), `${name}: Extra inputs are not permitted`);
  const { model, max_tokens: most, messages, thinking, tool_choice: choice, tools } = body;
  check(typeof model === 'string', 'model: Field required');
  check(typeof most === 'number' && most >= 1, 'max_tokens: Field required');
  check(most <= (/-4-5/.test(model) ? 64_000 : 128_000), `max_tokens: ${most} > the maximum of ${model}`);
  check(Array.isArray(messages) && messages.length > 0, 'messages: at least one message is required');
  const names = checkTools(tools);
  check(
    !isObject(choice) || choice['type'] !== 'tool' || names.has(choice['name']),
    'tool_choice: no such tool',
  );
  const isOn = isObject(thinking) && thinking['type'] !== 'disabled';
  if (isOn) checkThinking(body, thinking, messages);
  checkMessages(messages, isOn);
  const called = messages.some(
    (message) =>
      isObject(message) &&
      blocksOf(message).some(({ type }) => type === 'tool_use' || type === 'tool_result'),
  );
  check(
    !called || names.size > 0,
    'Requests which include `tool_use` or `tool_result` blocks must define tools.',
  );
  const last: unknown = messages.at(-1);
  const endsWithAssistant = isObject(last) && last['role'] === 'assistant';
  check(
    !endsWithAssistant || /-4-5/.test(model),
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  );
  checkOptions(body, isOn);
}

function checkTools(tools: unknown): ReadonlySet<unknown> {
  const names = new Set<unknown>();
  for (const [index, tool] of (Array.isArray(tools) ? (tools as unknown[]) : []).entries()) {
    check(isObject(tool), `tools.${index}: must be an object`);
    const { name, input_schema: schema, strict } = tool;
    check(typeof name === 'string' && NAME.test(name), `tools.${index}.name: String should match pattern`);
    check(!names.has(name), 'tools: Tool names must be unique.');
    names.add(name);
    check(
      isObject(schema) && schema['type'] === 'object',
      `tools.${index}.input_schema.type: Field required`,
    );
    checkProperties(schema);
    if (strict === true) checkSchema(schema);
  }
  return names;
}

function checkProperties(schema: unknown): void {
  if (!isObject(schema) && !Array.isArray(schema)) return;
  const { properties } = schema as Fields;
  if (isObject(properties))
    for (const name of Object.keys(properties))
      check(PROPERTY.test(name), `Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$': ${name}`);
  for (const child of Object.values(schema)) checkProperties(child);
}

function checkThinking(body: Fields, thinking: Fields, messages: readonly unknown[]): void {
  const { model, max_tokens: most, temperature, tool_choice: choice } = body;
  const isManual = thinking['type'] === 'enabled';
  if (!isManual) {
    check(!/-4-5/.test(String(model)), 'thinking.type: adaptive thinking is not supported on this model');
    return;
  }
  check(!/-4-[78]|-5/.test(String(model).replace('-4-5', '')), '"thinking.type.enabled" is not supported');
  const budget = Number(thinking['budget_tokens']);
  check(budget >= 1024, 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024');
  check(budget < Number(most), '`max_tokens` must be greater than `thinking.budget_tokens`');
  check(
    temperature === undefined || temperature === 1,
    '`temperature` may only be set to 1 when thinking is on',
  );
  const type = isObject(choice) ? choice['type'] : 'auto';
  check(type === 'auto' || type === 'none', 'Thinking may not be enabled when tool_choice forces tool use.');
  const last = messages.at(-1);
  const calling = messages.findLast(
    (message) =>
      isObject(message) &&
      message['role'] === 'assistant' &&
      (message === last || blocksOf(message).some(({ type: kind }) => kind === 'tool_use')),
  );
  if (!isObject(calling)) return;
  const [first] = blocksOf(calling);
  check(
    first?.['type'] === 'thinking' || first?.['type'] === 'redacted_thinking',
    `Expected \`thinking\` or \`redacted_thinking\`, but found \`${String(first?.['type'])}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block`,
  );
}

function checkMessages(messages: readonly unknown[], thinks: boolean): void {
  const ids = new Set<unknown>();
  for (const [at, message] of messages.entries()) {
    check(isObject(message), `messages.${at}: must be an object`);
    const isLast = at === messages.length - 1;
    const blocks = blocksOf(message);
    check(blocks.length > 0, `messages.${at}: all messages must have non-empty content`);
    for (const block of blocks) checkBlock(block, `messages.${at}`, ids);
    const text = blocks.at(-1)?.['text'];
    if (isLast && message['role'] === 'assistant') {
      check(
        typeof text !== 'string' || !/\s$/.test(text),
        'final assistant content cannot end with trailing whitespace',
      );
      check(
        thinks || !blocks.some(({ type }) => type === 'thinking'),
        'a final message cannot contain `thinking`',
      );
    }
    const called = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => id);
    const next = messages[at + 1];
    const results = isObject(next) ? blocksOf(next).slice(0, called.length) : [];
    const answered = new Set(results.map(({ tool_use_id: id }) => id));
    for (const id of called)
      check(answered.has(id), `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks`);
  }
  const known = messages.flatMap((message) => blocksOf(message as Fields));
  for (const { type, tool_use_id: id } of known)
    check(type !== 'tool_result' || ids.has(id), 'unexpected `tool_use_id` found in `tool_result` blocks');
}

function blocksOf({ content }: Fields): readonly Fields[] {
  return Array.isArray(content) ? (content as Fields[]) : [{ type: 'text', text: content }];
}

function checkBlock(block: Fields, where: string, ids: Set<unknown>): void {
  switch (block['type']) {
    case 'text':
      check(
        String(block['text']).trim() !== '',
        `${where}: text content blocks must contain non-whitespace text`,
      );
      return;
    case 'thinking': {
      const { thinking, signature } = block;
      check(typeof signature === 'string', `${where}.thinking.signature: Field required`);
      check(
        signature === signatureOf(String(thinking)),
        `${where}: Invalid \`signature\` in \`thinking\` block`,
      );
      check(Object.keys(block).length === 3, `${where}.thinking: Extra inputs are not permitted`);
      return;
    }
    case 'redacted_thinking':
      check(
        String(block['data']).startsWith('redacted:'),
        `${where}: Invalid \`data\` in \`redacted_thinking\``,
      );
      return;
    case 'tool_use': {
      const { id, name, input } = block;
      check(
        typeof id === 'string' && /^[a-zA-Z0-9_-]+$/.test(id),
        `${where}.tool_use.id: String should match pattern`,
      );
      check(!ids.has(id), '`tool_use` ids must be unique');
      ids.add(id);
      check(
        typeof name === 'string' && NAME.test(name),
        `${where}.tool_use.name: String should match pattern`,
      );
      check(isObject(input), `${where}.tool_use.input: Input should be a valid dictionary`);
      return;
    }
    case 'image':
      checkImage(block['source'], where);
      return;
    default:
      check(['tool_result', 'document'].includes(String(block['type'])), `${where}: unknown block`);
  }
}

const BEGINNINGS: Readonly<Record<string, string>> = {
  'image/jpeg': 'ffd8ff',
  'image/png': '89504e47',
  'image/gif': '47494638',
  'image/webp': '52494646',
};

function checkImage(source: unknown, where: string): void {
  if (!isObject(source) || source['type'] !== 'base64') return;
  const { media_type: type, data } = source;
  const begin = BEGINNINGS[String(type)];
  check(
    begin !== undefined,
    `${where}.image.source.media_type: Input should be image/jpeg, image/png, image/gif or image/webp`,
  );
  const isSo = Buffer.from(String(data), 'base64').toString('hex').startsWith(begin);
  check(isSo, `${where}.image: Image does not match the provided media type ${String(type)}`);
}

function checkOptions(body: Fields, thinks: boolean): void {
  const { metadata, stop_sequences: stops, output_config: config, context_management: edits } = body;
  const user = isObject(metadata) ? metadata['user_id'] : undefined;
  check(
    !isPresent(user) ||
      (typeof user === 'string' && user.length <= 256 && !/@|^\+?[\d\s-]{7,}$|\s/.test(user)),
    'metadata.user_id: user_id appears to contain personal data',
  );
  for (const stop of Array.isArray(stops) ? (stops as unknown[]) : [])
    check(String(stop).trim() !== '', 'stop_sequences: each stop sequence must contain non-whitespace');
  const format = isObject(config) ? config['format'] : undefined;
  if (isObject(format)) checkSchema(format['schema']);
  check(
    thinks || !JSON.stringify(edits ?? null).includes('clear_thinking'),
    'context_management: `clear_thinking_20251015` strategy requires `thinking` to be enabled or adaptive',
  );
}

const KEYWORDS =
  'type description title properties required additionalProperties items minItems anyOf allOf enum const $ref $defs definitions format default pattern'.split(
    ' ',
  );

/** https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations */
function checkSchema(schema: unknown): void {
  check(isObject(schema), 'output_config.format.schema: must be an object');
  for (const name of Object.keys(schema))
    check(KEYWORDS.includes(name), `output_config.format.schema: property '${name}' is not supported`);
  const { type, properties, items, minItems, $defs } = schema;
  if (type === 'object')
    check(
      schema['additionalProperties'] === false,
      "For 'object' type, 'additionalProperties' must be explicitly set to false",
    );
  check(
    minItems === undefined || minItems === 0 || minItems === 1,
    "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
  );
  for (const holder of [properties, $defs, schema['definitions']])
    if (isObject(holder)) for (const child of Object.values(holder)) checkSchema(child);
  for (const list of [schema['anyOf'], schema['allOf']])
    if (Array.isArray(list)) for (const child of list as unknown[]) checkSchema(child);
  if (items !== undefined) checkSchema(items);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
