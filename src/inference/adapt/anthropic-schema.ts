import { isJsonObject, type Fields, type JsonObject, type JsonValue } from '../../input/json.js';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat, OpenAiTool } from '../chat/chat.js';
import { withSchemaInWords } from './answer-schema.js';

/*
 * The schemas of structured outputs and strict tools at Anthropic:
 * https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
 */

const FORMATS: ReadonlySet<unknown> = new Set(
  'date-time time date duration email hostname uri ipv4 ipv6 uuid'.split(' '),
);
/** Optional properties, and unions, of one request. */
const MOST_OPTIONAL = 24;
const MOST_UNIONS = 16;

/** Thrown inside only: such a schema can stand in the instructions alone. */
class InexpressibleError extends Error {}

/**
 * The schema as Anthropic takes it: each object is closed, and what it cannot hold is described in descriptions, as by
 * Anthropic's own SDKs (transformJSONSchema). `null`: it cannot be expressed, since it is recursive, has objects with free
 * keys, or is too large.
 */
export function anthropicSchema(schema: JsonObject): JsonObject | null {
  try {
    return new Closing(schema).root();
  } catch (error) {
    if (error instanceof InexpressibleError) return null;
    throw error;
  }
}

class Closing {
  private optional = 0;
  private unions = 0;
  private readonly followed = new Set<string>();

  constructor(private readonly schema: JsonObject) {}

  root(): JsonObject {
    this.checkReferences(this.schema, new Set());
    return this.closed(this.schema);
  }

  private closed(value: unknown): JsonObject {
    // `true` and `false` are schemas, too.
    if (!isJsonObject(value)) throw new InexpressibleError();
    const { $ref, $schema: _, $id: __, title, description, ...rest } = value as JsonObject;
    const left: Record<string, JsonValue> = { ...rest };
    const made: Record<string, JsonValue> = {};
    const take = (name: string): JsonValue | undefined => {
      const taken = left[name];
      delete left[name];
      return taken;
    };
    for (const name of ['$defs', 'definitions']) {
      const definitions = take(name);
      if (isJsonObject(definitions)) made[name] = this.each(definitions);
    }
    if (typeof $ref === 'string') made['$ref'] = $ref;
    else this.describe(left, made, take);
    if (typeof title === 'string') made['title'] = title;
    const rules = Object.entries(left).map(([name, rule]) => `${name}: ${JSON.stringify(rule)}`);
    const described = [
      ...(typeof description === 'string' ? [description] : []),
      ...(rules.length === 0 ? [] : [`{${rules.join(', ')}}`]),
    ];
    // Beside a reference nothing may stand.
    if (described.length > 0 && typeof $ref !== 'string') made['description'] = described.join('\n\n');
    if (typeof $ref === 'string') delete made['title'];
    return made;
  }

  private describe(
    left: Readonly<Record<string, JsonValue>>,
    made: Record<string, JsonValue>,
    take: (name: string) => JsonValue | undefined,
  ): void {
    if (left['const'] !== undefined && !isNested(left['const'])) made['const'] = take('const') ?? null;
    else if (Array.isArray(left['enum']) && left['enum'].length > 0 && !left['enum'].some(isNested))
      made['enum'] = take('enum') ?? [];
    const variants = take('anyOf') ?? take('oneOf');
    const all = take('allOf');
    const type = take('type') ?? typeBy(left);
    if (Array.isArray(variants)) {
      this.count('unions');
      made['anyOf'] = variants.map((variant) => this.closed(variant));
    } else if (Array.isArray(all)) made['allOf'] = all.map((one) => this.closed(one));
    else if (made['const'] === undefined && made['enum'] === undefined) {
      if (type === undefined) throw new InexpressibleError();
      made['type'] = type;
    }
    if (Array.isArray(made['type'])) this.count('unions');
    if (includes(type, 'object') && made['type'] !== undefined) this.closeObject(made, take);
    if (includes(type, 'array') && made['type'] !== undefined) {
      const items = take('items');
      if (items !== undefined) made['items'] = this.closed(items);
      if (left['minItems'] === 0 || left['minItems'] === 1) made['minItems'] = take('minItems') ?? 0;
    }
    if (includes(type, 'string') && FORMATS.has(left['format'])) made['format'] = take('format') ?? '';
  }

  private closeObject(made: Record<string, JsonValue>, take: (name: string) => JsonValue | undefined): void {
    const properties = take('properties') ?? {};
    const others = take('additionalProperties') ?? false;
    const required = take('required');
    if (!isJsonObject(properties)) throw new InexpressibleError();
    // A map: closed, it would be empty.
    const names = Object.keys(properties);
    if (others !== false && (names.length === 0 || isJsonObject(others))) throw new InexpressibleError();
    made['properties'] = this.each(properties);
    if (Array.isArray(required)) made['required'] = required;
    made['additionalProperties'] = false;
    const needed: readonly unknown[] = Array.isArray(required) ? required : [];
    for (const name of names) if (!needed.includes(name)) this.count('optional');
  }

  private each(schemas: Fields): JsonObject {
    return Object.fromEntries(Object.entries(schemas).map(([name, one]) => [name, this.closed(one)]));
  }

  private count(what: 'optional' | 'unions'): void {
    if (what === 'optional') this.optional++;
    else this.unions++;
    if (this.optional > MOST_OPTIONAL || this.unions > MOST_UNIONS) throw new InexpressibleError();
  }

  /** Follows each reference once: none may lead back, or out of the schema. */
  private checkReferences(value: unknown, above: ReadonlySet<string>): void {
    if (typeof value !== 'object' || value === null) return;
    const { $ref } = value as Fields;
    if (typeof $ref === 'string') {
      if (above.has($ref)) throw new InexpressibleError();
      if (this.followed.has($ref)) return;
      this.followed.add($ref);
      this.checkReferences(this.target($ref), new Set([...above, $ref]));
    }
    for (const child of Object.values(value)) this.checkReferences(child, above);
  }

  private target(reference: string): unknown {
    if (!reference.startsWith('#/')) throw new InexpressibleError();
    let value: unknown = this.schema;
    for (const key of reference.slice(2).split('/'))
      value = isJsonObject(value) ? value[key.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
    if (value === undefined) throw new InexpressibleError();
    return value;
  }
}

function typeBy(schema: Fields): string | undefined {
  if (schema['properties'] !== undefined) return 'object';
  return schema['items'] === undefined ? undefined : 'array';
}

function includes(type: JsonValue | undefined, name: string): boolean {
  return type === name || (Array.isArray(type) && type.includes(name));
}

function isNested(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null;
}

/** The schemas of the answer and of strict tools, as the model takes them; where it takes none, they stand in words. */
export function withAnthropicSchemas(
  chat: OpenAiChat,
  { answer_schemas: rule }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  return rule === 'any' || rule === 'json_object'
    ? chat
    : withStrictTools(withAnswerSchema(chat, rule, note), rule, note);
}

function withAnswerSchema(
  chat: OpenAiChat,
  rule: 'anthropic' | 'none',
  note: (change: string) => void,
): OpenAiChat {
  const format = chat['response_format'];
  const spec = isJsonObject(format) && format['type'] === 'json_schema' ? format['json_schema'] : undefined;
  if (!isJsonObject(format) || !isJsonObject(spec) || !isJsonObject(spec['schema'])) return chat;
  const schema = rule === 'none' ? null : anthropicSchema(spec['schema'] as JsonObject);
  if (schema === null) return withSchemaInWords(chat, 'Answer', note);
  if (JSON.stringify(schema) === JSON.stringify(spec['schema'])) return chat;
  note('response_format: closed, its limits moved into descriptions');
  return { ...chat, response_format: { ...format, json_schema: { ...spec, schema } } };
}

/** A strict tool is held to the same schemas; where it cannot be, it is a tool like others. */
function withStrictTools(
  chat: OpenAiChat,
  rule: 'anthropic' | 'none',
  note: (change: string) => void,
): OpenAiChat {
  const { tools } = chat;
  if (!Array.isArray(tools) || !(tools as readonly unknown[]).some(isStrict)) return chat;
  return {
    ...chat,
    tools: (tools as readonly OpenAiTool[]).map((tool) => {
      if (!isStrict(tool)) return tool;
      const { strict: _, parameters, ...named } = tool.function;
      const schema = rule === 'none' || !isJsonObject(parameters) ? null : anthropicSchema(parameters);
      if (schema === null) note(`tool ${named.name}: not strict`);
      return {
        ...tool,
        function: schema === null ? { ...named, parameters } : { ...named, parameters: schema, strict: true },
      } as OpenAiTool;
    }),
  };
}

function isStrict(tool: unknown): boolean {
  return isJsonObject(tool) && isJsonObject(tool['function']) && tool['function']['strict'] === true;
}
