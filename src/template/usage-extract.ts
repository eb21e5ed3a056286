import { parsePath, valueAt } from './json-path.js';

/** The paths of an answer's token counts, written as a `response_extract`. */
export interface UsageSpec {
  readonly input: string;
  readonly output: string;
}

/** In tokens, as the upstream counted them. */
export interface TokenCounts {
  readonly input: number;
  readonly output: number;
}

export interface UsageExtract {
  /** From a parsed answer; null: one of the two is missing. */
  fromValue(answer: unknown): TokenCounts | null;
  /** From an answer's text; null also if it is not JSON. */
  from(text: string): TokenCounts | null;
}

/** Missing token counts never make an answer fail. Throws TemplateError. */
export function compileUsageExtract(spec: UsageSpec, field = 'usage_extract'): UsageExtract {
  const input = parsePath(spec.input, `${field}.input`);
  const output = parsePath(spec.output, `${field}.output`);
  const fromValue = (answer: unknown): TokenCounts | null => {
    const counts = { input: valueAt(answer, input), output: valueAt(answer, output) };
    return isCount(counts.input) && isCount(counts.output)
      ? { input: counts.input, output: counts.output }
      : null;
  };
  return { fromValue, from: (text) => fromValue(parsed(text)) };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
