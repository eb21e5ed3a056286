import { isDeepStrictEqual } from 'node:util';
import { parsePath } from './json-path.js';
import { valueAt } from './quiet-path.js';
import { ExtractError, follow } from './response-extract.js';
import { TemplateError } from './template-error.js';

export interface SuccessRule {
  /** Written as a `response_extract`; empty means the whole answer. */
  readonly path: string;
  /** Any JSON value, compared with its type: `true` is not `"true"`. */
  readonly equals: unknown;
}

/** Whether a parsed answer says that it succeeded; one that lacks the path does not. Throws TemplateError. */
export function compileSuccessWhen(rule: SuccessRule, field = 'success_when'): (answer: unknown) => boolean {
  const steps = parsePath(rule.path, `${field}.path`);
  const { equals } = rule;
  if (equals === undefined) throw new TemplateError(`${field}.equals`, 'is missing');
  return (answer) => {
    try {
      return isDeepStrictEqual(follow(answer, steps).value, equals);
    } catch (error) {
      if (error instanceof ExtractError) return false;
      throw error;
    }
  };
}

/** Whether one event of a stream says that the answer failed. Most events say nothing of it. Throws TemplateError. */
export function compileFailedEvent(rule: SuccessRule, field = 'success_when'): (event: unknown) => boolean {
  const steps = parsePath(rule.path, `${field}.path`);
  return (event) => {
    const said = valueAt(event, steps);
    return said !== undefined && !isDeepStrictEqual(said, rule.equals);
  };
}
