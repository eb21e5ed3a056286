import { isJsonObject } from './json.js';

/** JSON Merge Patch [RFC 7396, 2]: members are replaced, `null` removes one, objects merge, anything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map<string, unknown>(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/**
 * Members that are `null` in both. A client that sends back what it read means to keep them, but the patch would remove
 * them.
 */
export function ambiguousNulls(target: unknown, patch: unknown, path: string): readonly string[] {
  if (!isJsonObject(target) || !isJsonObject(patch)) return [];
  return Object.entries(patch).flatMap(([key, value]) => {
    if (!Object.hasOwn(target, key)) return [];
    const field = `${path}.${key}`;
    if (value === null) return target[key] === null ? [field] : [];
    return ambiguousNulls(target[key], value, field);
  });
}
