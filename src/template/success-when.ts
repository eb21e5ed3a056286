import { isDeepStrictEqual } from 'node:util';
import { parsePath, valueAt } from './json-path.js';
import { ExtractError, follow } from './response-extract.js';
import { TemplateError } from './template-error.js';

export interface SuccessRule {
  /** Written as a `response_extract`; empty means the whole answer. */
  readonly path: string;
  /** Any JSON value, compared with its type: `true` is not `"true"`. */
  readonly equals: unknown;
}

/** Whether a parsed answer reports success; an answer without the path does not. Throws TemplateError. */
export function compileSuccessWhen(rule: SuccessRule, field = 'success_when'): (answer: unknown) => boolean {
  const steps = parsePath(rule.path, `${field}.path`);
  const { equals } = rule;
  if (equals === undefined)
    throw new TemplateError(
      `${field}.equals`,
      'must be a string, a number, true, false or null; it is missing',
    );
  return (answer) => {
    try {
      return isDeepStrictEqual(follow(answer, steps).value, equals);
    } catch (error) {
      if (error instanceof ExtractError) return false;
      throw error;
    }
  };
}

/** Whether one event of a stream reports a failure. Most events lack the path. Throws TemplateError. */
export function compileFailedEvent(rule: SuccessRule, field = 'success_when'): (event: unknown) => boolean {
  const steps = parsePath(rule.path, `${field}.path`);
  return (event) => {
    const value = valueAt(event, steps);
    return value !== undefined && !isDeepStrictEqual(value, rule.equals);
  };
}
