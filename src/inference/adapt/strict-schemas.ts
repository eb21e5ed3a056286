import { isJsonObject, isPresent } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../chat/chat.js';

/** Not taken in strict mode: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas */
const NEVER_STRICT = [
  'allOf',
  'oneOf',
  'not',
  'dependentRequired',
  'dependentSchemas',
  'if',
  'then',
  'else',
  'patternProperties',
];
const HOLDS_ONE = ['items', 'additionalItems', 'contains'] as const;
const HOLDS_LIST = ['anyOf', 'prefixItems'] as const;
const HOLDS_NAMED = ['properties', '$defs', 'definitions'] as const;

/**
 * Whether OpenAI takes a schema with `strict: true`: each object is closed and requires all its properties, and the
 * outermost value is an object. https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
 */
export function isStrict(schema: unknown): boolean {
  return isJsonObject(schema) && schema['type'] === 'object' && !('anyOf' in schema) && isStrictPart(schema);
}

function isStrictPart(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false;
  if (NEVER_STRICT.some((name) => name in schema)) return false;
  const { type, properties } = schema;
  const isObject =
    type === 'object' || (Array.isArray(type) && type.includes('object')) || isPresent(properties);
  if (isObject && !requiresAll(schema)) return false;
  return [
    ...HOLDS_ONE.flatMap((name) => (name in schema ? [schema[name]] : [])),
    ...HOLDS_LIST.flatMap((name) => (Array.isArray(schema[name]) ? (schema[name] as unknown[]) : [])),
    ...HOLDS_NAMED.flatMap((name) => (isJsonObject(schema[name]) ? Object.values(schema[name]) : [])),
  ].every(isStrictPart);
}

function requiresAll({
  properties,
  required,
  additionalProperties,
}: Readonly<Record<string, unknown>>): boolean {
  const names = isJsonObject(properties) ? Object.keys(properties) : [];
  const all: readonly unknown[] = Array.isArray(required) ? required : [];
  return additionalProperties === false && names.every((name) => all.includes(name));
}

/** `strict` stays where the server can hold it: its rule refuses a schema that Anthropic takes. */
export function withStrictSchemas(
  chat: OpenAiChat,
  { strict_schemas: whose }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (whose === 'any') return chat;
  const format = chat['response_format'];
  const spec = isJsonObject(format) ? format['json_schema'] : undefined;
  const isLoose = isJsonObject(spec) && spec['strict'] === true && !isStrict(spec['schema']);
  const loose = Array.isArray(chat.tools) ? chat.tools.filter(isLooseTool) : [];
  if (!isLoose && loose.length === 0) return chat;
  const changed: Record<string, unknown> = { ...chat };
  if (isLoose) {
    note('response_format: strict is false, because an object is open or has optional properties');
    changed['response_format'] = { ...(format as object), json_schema: { ...spec, strict: false } };
  }
  if (loose.length > 0) {
    for (const { function: called } of loose) note(`tool ${called.name}: strict is false`);
    changed['tools'] = chat.tools?.map((tool) =>
      isLooseTool(tool) ? { ...tool, function: { ...tool.function, strict: false } } : tool,
    );
  }
  return changed as unknown as OpenAiChat;
}

function isLooseTool(tool: NonNullable<OpenAiChat['tools']>[number]): boolean {
  const called: unknown = isJsonObject(tool) ? tool.function : undefined;
  return isJsonObject(called) && called['strict'] === true && !isStrict(called['parameters']);
}

/**
 * OpenAI refuses a list without `items` in the parameters of a tool, as servers of tools often describe one: "array schema
 * missing items" (https://github.com/openai/openai-agents-python/issues/392). `{}` says the same: any item.
 */
export function withItems(
  chat: OpenAiChat,
  { strict_schemas: whose }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (whose === 'any' || !Array.isArray(chat.tools)) return chat;
  const tools = chat.tools.map((tool) => {
    const called: unknown = isPresent(tool) ? tool.function : undefined;
    if (!isJsonObject(called)) return tool;
    const parameters = filled(called['parameters']);
    if (parameters === called['parameters']) return tool;
    note(`tool ${String(called['name'])}: lists without items get any items`);
    // Strict, each item needs a type.
    const strict = called['strict'] === true ? { strict: false } : {};
    return { ...tool, function: { ...tool.function, parameters, ...strict } };
  });
  return tools.every((tool, index) => tool === chat.tools?.[index]) ? chat : { ...chat, tools };
}

/** The schema itself where no list lacks `items`. */
function filled(schema: unknown): unknown {
  if (!isJsonObject(schema)) return schema;
  const changed: Record<string, unknown> = {};
  const set = (name: string, value: unknown): void => {
    if (value !== schema[name]) changed[name] = value;
  };
  for (const name of [...HOLDS_ONE, 'additionalProperties']) set(name, filled(schema[name]));
  for (const name of [...HOLDS_LIST, 'oneOf', 'allOf']) set(name, filledList(schema[name]));
  for (const name of HOLDS_NAMED) set(name, filledMembers(schema[name]));
  const { type } = schema;
  const isList = type === 'array' || (Array.isArray(type) && type.includes('array'));
  if (isList && schema['items'] === undefined) changed['items'] = {};
  return Object.keys(changed).length === 0 ? schema : { ...schema, ...changed };
}

function filledList(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  const all: readonly unknown[] = list;
  const each = all.map(filled);
  return each.every((schema, index) => schema === all[index]) ? list : each;
}

function filledMembers(members: unknown): unknown {
  if (!isJsonObject(members)) return members;
  const each = Object.entries(members).map(([name, schema]) => [name, filled(schema)] as const);
  return each.every(([name, schema]) => schema === members[name]) ? members : Object.fromEntries(each);
}
