/** For the end of a fault: what was given instead, by kind. The value itself may be long or private. */
export function given(value: unknown): string {
  if (value === undefined) return '; it is missing';
  if (value === null) return ', not null';
  if (typeof value === 'number' || typeof value === 'boolean') return `, not ${value}`;
  if (typeof value === 'string') return value === '' ? ', not an empty string' : ', not this string';
  if (Array.isArray(value)) return value.length === 0 ? ', not an empty list' : ', not a list';
  return ', not an object';
}
