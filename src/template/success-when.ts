import { isDeepStrictEqual } from 'node:util';
import { parsePath, valueAt } from './json-path.js';
import { ExtractError, follow } from './response-extract.js';
import { TemplateError } from './template-error.js';

/** One of `equals` and `in`. Values are compared with their type: `true` is not `"true"`. */
export interface SuccessRule {
  /** Written as a `response_extract`; empty means the whole answer. */
  readonly path: string;
  readonly equals?: unknown;
  readonly in?: readonly unknown[] | null | undefined;
}

/** Whether a parsed answer reports success; an answer without the path does not. Throws TemplateError. */
export function compileSuccessWhen(rule: SuccessRule, field = 'success_when'): (answer: unknown) => boolean {
  const steps = parsePath(rule.path, `${field}.path`);
  const isMeant = meantBy(rule, field);
  return (answer) => {
    try {
      return isMeant(follow(answer, steps).value);
    } catch (error) {
      if (error instanceof ExtractError) return false;
      throw error;
    }
  };
}

/** Whether one event of a stream reports a failure. Most events lack the path. Throws TemplateError. */
export function compileFailedEvent(rule: SuccessRule, field = 'success_when'): (event: unknown) => boolean {
  const steps = parsePath(rule.path, `${field}.path`);
  const isMeant = meantBy(rule, field);
  return (event) => {
    const value = valueAt(event, steps);
    return value !== undefined && !isMeant(value);
  };
}

function meantBy({ equals, in: several }: SuccessRule, field: string): (value: unknown) => boolean {
  if (several === undefined || several === null) {
    if (equals === undefined)
      throw new TemplateError(
        `${field}.equals`,
        'must be a string, a number, true, false or null; it is missing',
      );
    return (value) => isDeepStrictEqual(value, equals);
  }
  if (equals !== undefined) throw new TemplateError(`${field}.in`, 'stands beside equals: give one of them');
  if (several.length === 0) throw new TemplateError(`${field}.in`, 'must hold at least one value');
  return (value) => several.some((each) => isDeepStrictEqual(value, each));
}

/** For messages: `code is not 0`, `code is none of 1, 22`. */
export function printRule({ path, equals, in: several }: SuccessRule): string {
  if (several === undefined || several === null) return `${path} is not ${JSON.stringify(equals)}`;
  return `${path} is none of ${several.map((each) => JSON.stringify(each)).join(', ')}`;
}
