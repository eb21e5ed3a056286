/** Fields of answers that hold whole numbers, wherever they stand: TypeScript says `number` for these and for all others. */
const WHOLE: ReadonlySet<string> = new Set(
  `generation weight priority max_concurrency in_flight heartbeat_ttl_s max_tokens n retries max wait_ms connect_ms
  first_byte_ms idle_ms total_ms input_tokens output_tokens status progress queue_position created created_at completed_at
  expires_at bytes max_output_tokens embedding_batch`.split(/\s+/),
);

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, ObjectSchema>>;
  type?: string | readonly string[];
}

/** Says of these fields that they are whole numbers. */
export function describeWholeNumbers(schemas: Readonly<Record<string, object>>): void {
  for (const schema of Object.values(schemas)) describe(schema);
}

function describe({ properties = {} }: ObjectSchema): void {
  for (const [name, property] of Object.entries(properties)) {
    if (WHOLE.has(name) && property.type !== undefined) property.type = whole(property.type);
    describe(property);
  }
}

function whole(type: string | readonly string[]): string | readonly string[] {
  if (typeof type !== 'string') return type.map((each) => (each === 'number' ? 'integer' : each));
  return type === 'number' ? 'integer' : type;
}
