import { isJsonObject, type JsonObject, type JsonValue } from '../../../input/json.js';

/** Those of each type that both servers know: https://ai.google.dev/api/caching#Schema */
const FORMATS: Readonly<Record<string, readonly unknown[]>> = {
  string: ['enum', 'date-time'],
  number: ['float', 'double'],
  integer: ['int32', 'int64'],
};

/** The keywords that say something of one type only. */
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'enum'],
  number: ['minimum', 'maximum'],
  integer: ['minimum', 'maximum'],
  array: ['items', 'minItems', 'maxItems'],
  object: ['properties', 'required', 'minProperties', 'maxProperties', 'propertyOrdering'],
};
const TYPED: ReadonlySet<string> = new Set(Object.values(OF_TYPE).flat());

/** The keywords that go with a type. */
export function ofType(type: string, schema: JsonObject): JsonObject {
  const own = OF_TYPE[type] ?? [];
  const kept = Object.entries(schema).filter(
    ([key, value]) =>
      key !== 'type' &&
      (!TYPED.has(key) || own.includes(key)) &&
      (key !== 'format' || FORMATS[type]?.includes(value) === true),
  );
  return { type, ...Object.fromEntries(kept) };
}

/** The type that the keywords speak of. https://github.com/QuantumNous/new-api/issues/3022 */
function impliedType(schema: JsonObject): string | undefined {
  return Object.keys(OF_TYPE).find((type) => OF_TYPE[type]?.some((key) => schema[key] !== undefined));
}

/** A schema without a type is refused: it stands for these. */
const ANY_TYPE: readonly JsonObject[] = ['string', 'number', 'boolean', 'object'].map((type) => ({ type }));

/**
 * The keywords beside the choices move into each of them, because `anyOf` must stand alone; a single choice needs none.
 * https://github.com/googleapis/python-genai/issues/625
 */
export function chosen(choices: readonly JsonObject[], beside: JsonObject): JsonObject {
  const implied = impliedType(beside);
  const given = choices.length > 0 ? choices : implied === undefined ? ANY_TYPE : [{ type: implied }];
  const alternatives = given.flatMap((choice) => alternativesOf(choice, beside));
  const all = new Map(alternatives.map((choice) => [JSON.stringify(choice), choice]));
  const [only, ...others] = all.values();
  return only === undefined || others.length > 0 ? { anyOf: [...all.values()] } : only;
}

function alternativesOf(choice: JsonObject, beside: JsonObject): readonly JsonObject[] {
  const { anyOf, ...own } = choice;
  if (Array.isArray(anyOf))
    return (anyOf as readonly JsonObject[]).flatMap((each) => alternativesOf(each, both(beside, own)));
  const merged = both(beside, choice);
  const { type = impliedType(merged) } = choice;
  return typeof type === 'string' ? [ofType(type, merged)] : ANY_TYPE.map((each) => ({ ...merged, ...each }));
}

const SAYS_TYPE = ['type', '$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const'];

/** The schema with the type, where nothing in it says one. */
export function typed(choice: JsonValue, type: JsonValue): JsonValue {
  if (!isJsonObject(choice) || SAYS_TYPE.some((key) => choice[key] !== undefined)) return choice;
  return { ...(choice as JsonObject), type };
}

/** What holds beside a choice holds for it, too: properties add up. */
function both(beside: JsonObject, choice: JsonObject): JsonObject {
  const merged = { ...beside, ...choice };
  const [outer, inner] = [beside['properties'], choice['properties']];
  if (!isJsonObject(outer) || !isJsonObject(inner)) return merged;
  const properties = { ...outer, ...inner } as JsonObject;
  const required = [beside['required'] ?? [], choice['required'] ?? []].flat() as string[];
  return { ...merged, properties, ...(required.length === 0 ? {} : { required: [...new Set(required)] }) };
}
