/** A node of the document: a schema, or what stands around schemas. */
type Node = Readonly<Record<string, unknown>>;

/**
 * OpenAPI 3.0, which the decorators write, as JSON Schema 2020-12, which OpenAPI 3.1 uses: `null` is a type of its own, and a
 * reference may stand beside a description. Pure.
 */
export function asJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asJsonSchema);
  if (typeof node !== 'object' || node === null) return node;
  const mapped = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, asJsonSchema(value)]));
  return withNull(unwrapped(typed(mapped)));
}

/** A reference with a description is written as the one member of `allOf`. */
function unwrapped(node: Node): Node {
  const { allOf, type: _type, ...rest } = node;
  if (!Array.isArray(allOf) || allOf.length !== 1) return node;
  return { ...rest, ...(allOf[0] as Node) };
}

/** Rules for text on what a query string holds as text, but stands for a number or for true and false. */
function typed(node: Node): Node {
  const { type } = node;
  if (type !== 'integer' && type !== 'boolean' && type !== 'array') return node;
  const { pattern: _pattern, minLength: _min, maxLength: _max, ...rest } = node;
  if (type !== 'boolean') return rest;
  const { enum: _words, ...flag } = rest;
  return flag;
}

function withNull(node: Node): Node {
  if (node['nullable'] !== true) return node;
  const { nullable: _nullable, type, enum: values, description, ...rest } = node;
  const described = description === undefined ? {} : { description };
  if (typeof type === 'string')
    return {
      ...described,
      ...rest,
      type: [type, 'null'],
      ...(Array.isArray(values) ? { enum: [...new Set([...(values as unknown[]), null])] } : {}),
    };
  if (Array.isArray(rest['oneOf']))
    return { ...described, ...rest, oneOf: [...(rest['oneOf'] as unknown[]), { type: 'null' }] };
  return { ...described, anyOf: [rest, { type: 'null' }] };
}
