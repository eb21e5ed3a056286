import { isJsonObject, type JsonValue, type JsonObject } from '../../../input/json.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { chosen, ofType, typed } from './schema-choices.js';

/** Fields of Gemini's `Schema`, a subset of OpenAPI 3.0: https://ai.google.dev/api/caching#Schema. Gemini answers 400 to others. */
const KEPT = new Set(
  'title description default format minItems maxItems minLength maxLength minProperties maxProperties pattern minimum maximum propertyOrdering'.split(
    ' ',
  ),
);

const MAX_DEPTH = 100;
const MAX_REFERENCES = 2000;

/** References can expand to far more than a schema contains: bounds the expansions of one request. */
export class ReferenceBudget {
  private left = MAX_REFERENCES;

  /** @returns false: the budget is spent */
  take(): boolean {
    return this.left-- > 0;
  }
}

/**
 * A JSON schema in the subset that Gemini and Vertex AI accept: references are expanded, the type `null` becomes `nullable`,
 * oneOf and allOf become their nearest equivalent, each schema gets a type or choices, and other keywords are left out, so
 * that the result may allow more.
 * @throws UnsupportedFieldError
 */
export function geminiSchema(schema: JsonObject, field: string, budget: ReferenceBudget): JsonObject {
  return new Cleaner(schema, field, budget).clean(schema, new Set());
}

/**
 * The schema of a function's parameters, which must be one object: choices become an object with the properties of all.
 * @returns undefined: there are no properties, and then it must be left out
 */
export function parametersSchema(
  schema: JsonObject,
  field: string,
  budget: ReferenceBudget,
): JsonObject | undefined {
  const cleaned = geminiSchema(typed(schema, 'object') as JsonObject, field, budget);
  const { anyOf } = cleaned;
  const choices = Array.isArray(anyOf) ? (anyOf as readonly JsonObject[]) : [cleaned];
  const properties = Object.assign({}, ...choices.map((choice) => choice['properties'])) as JsonObject;
  if (Object.keys(properties).length === 0) return undefined;
  if (choices.length === 1) return cleaned;
  const required = Object.keys(properties).filter((name) =>
    choices.every((choice) => Array.isArray(choice['required']) && choice['required'].includes(name)),
  );
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) };
}

class Cleaner {
  private depth = 0;

  constructor(
    private readonly root: JsonObject,
    private readonly field: string,
    private readonly budget: ReferenceBudget,
  ) {}

  /** @param within the references that are being expanded */
  clean(value: JsonValue | undefined, within: ReadonlySet<string>): JsonObject {
    if (++this.depth > MAX_DEPTH || (within.size > 0 && !this.budget.take()))
      throw new UnsupportedFieldError(
        this.field,
        `expands to too many or too deeply nested schemas; at most ${MAX_REFERENCES} references and ${MAX_DEPTH} levels are supported`,
      );
    const cleaned = this.resolved(value, within);
    this.depth--;
    return cleaned;
  }

  private resolved(value: JsonValue | undefined, within: ReadonlySet<string>): JsonObject {
    if (!isJsonObject(value)) return chosen([], {});
    const schema = value as JsonObject;
    const { $ref, ...rest } = schema;
    if (typeof $ref === 'string') {
      // A recursive reference ends here: any object is allowed.
      if (within.has($ref)) return { type: 'object' };
      const target = this.find($ref);
      return this.clean({ ...(isJsonObject(target) ? target : {}), ...rest }, new Set(within).add($ref));
    }
    return this.cleaned(merged(schema), within);
  }

  private cleaned(schema: JsonObject, within: ReadonlySet<string>): JsonObject {
    const out: Record<string, JsonValue> = {};
    for (const [key, value] of Object.entries(schema)) if (KEPT.has(key)) out[key] = value;
    const choices = this.choices(schema, within);
    const types = typesOf(schema);
    const values = enumOf(schema);
    if (types.isNullable || choices.isNullable || values.isNullable) out['nullable'] = true;
    const isArray = types.names.includes('array') || schema['items'] !== undefined;
    if (isArray) out['items'] = this.clean(itemsOf(schema), within);
    this.addProperties(out, schema, within);
    if (values.texts !== null) return ofType('string', { ...out, enum: values.texts });
    if (values.others !== null) out['description'] = `${describedBy(schema)}One of ${values.others}`;
    if (choices.schemas.length > 0) return chosen(choices.schemas, out);
    return chosen(
      types.names.map((type) => ({ type })),
      out,
    );
  }

  private addProperties(
    out: Record<string, JsonValue>,
    schema: JsonObject,
    within: ReadonlySet<string>,
  ): void {
    const { properties, required } = schema;
    if (!isJsonObject(properties)) return;
    const cleaned = Object.entries(properties as JsonObject).map(
      ([name, value]) => [name, this.clean(value, within)] as const,
    );
    // "should be non-empty for OBJECT type"
    if (cleaned.length === 0) return;
    out['properties'] = Object.fromEntries(cleaned);
    const named = Array.isArray(required) ? (required as readonly JsonValue[]) : [];
    const known = named.filter((name) => typeof name === 'string' && Object.hasOwn(properties, name));
    if (known.length > 0) out['required'] = known;
  }

  private choices(
    schema: JsonObject,
    within: ReadonlySet<string>,
  ): { readonly schemas: readonly JsonObject[]; readonly isNullable: boolean } {
    const given = schema['anyOf'] ?? schema['oneOf'];
    const all = Array.isArray(given) ? (given as readonly JsonValue[]) : [];
    const others = all.filter((choice) => !(isJsonObject(choice) && choice['type'] === 'null'));
    // A choice without a type, such as {"required": ["a"]}, is of the type beside it.
    const type = schema['type'] ?? (schema['properties'] === undefined ? undefined : 'object');
    return {
      schemas: others.map((choice) => this.clean(type === undefined ? choice : typed(choice, type), within)),
      isNullable: others.length < all.length,
    };
  }

  /** A reference within the schema, such as `#/$defs/Place`. */
  private find(reference: string): JsonValue | undefined {
    if (!reference.startsWith('#')) return undefined;
    let at: JsonValue | undefined = this.root;
    for (const step of reference.slice(1).split('/').slice(1)) {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
      at = (at as JsonObject)[key];
    }
    return at;
  }
}

/** Merges allOf into one schema; with a single schema it is a common way to describe a reference. */
function merged(schema: JsonObject): JsonObject {
  const { allOf, ...rest } = schema;
  if (!Array.isArray(allOf)) return schema;
  const [only, ...more] = allOf as readonly JsonValue[];
  if (more.length === 0) return { anyOf: [only ?? {}], ...rest };
  const parts = (allOf as readonly JsonValue[]).filter(isJsonObject) as readonly JsonObject[];
  const properties = Object.assign({}, ...parts.map((part) => part['properties'] ?? {})) as JsonObject;
  const required = parts.flatMap((part) => (Array.isArray(part['required']) ? part['required'] : []));
  return { ...Object.assign({}, ...parts), properties, required, ...rest } as JsonObject;
}

function typesOf({ type, nullable }: JsonObject): {
  readonly names: readonly string[];
  readonly isNullable: boolean;
} {
  const all = (Array.isArray(type) ? (type as readonly JsonValue[]) : [type]).filter(
    (name) => typeof name === 'string',
  );
  const names = all.filter((name) => name !== 'null');
  return { names, isNullable: names.length < all.length || nullable === true };
}

/** Enums of Gemini are strings: other values are described. `null` stands for none. */
function enumOf(schema: JsonObject): {
  readonly texts: readonly string[] | null;
  readonly others: string | null;
  readonly isNullable: boolean;
} {
  const given = schema['const'] === undefined ? schema['enum'] : [schema['const']];
  const all = Array.isArray(given) ? (given as readonly JsonValue[]) : [];
  const values = all.filter((value) => value !== null && value !== '');
  const isNullable = all.includes(null);
  if (values.length === 0) return { texts: null, others: null, isNullable };
  if (values.every((value) => typeof value === 'string')) return { texts: values, others: null, isNullable };
  return { texts: null, others: JSON.stringify(values).slice(1, -1), isNullable };
}

function describedBy({ description }: JsonObject): string {
  return typeof description === 'string' && description !== '' ? `${description}. ` : '';
}

/** The first schema of a tuple: arrays of Gemini have one type of item. */
function itemsOf({ items, prefixItems }: JsonObject): JsonValue | undefined {
  if (isJsonObject(items)) return items;
  const tuple = Array.isArray(prefixItems) ? prefixItems : items;
  return Array.isArray(tuple) ? (tuple as readonly JsonValue[])[0] : undefined;
}
