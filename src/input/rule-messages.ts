import { getMetadataStorage } from 'class-validator';
import { describeValue } from './json.js';

/** A rule of a field: its name and arguments, as class-validator keeps them. */
interface Rule {
  readonly name?: string;
  readonly constraints?: readonly unknown[];
  readonly each: boolean;
  readonly message?: unknown;
}

/** Rules of kind: when one of these is broken, the messages of the others are noise. */
const KINDS: Readonly<Record<string, string>> = {
  isArray: 'must be a list',
  isString: 'must be a string',
  isNumber: 'must be a number',
  isInt: 'must be a whole number',
  isBoolean: 'must be true or false',
  isObject: 'must be an object',
};

/**
 * The problems of one field, in plain English: what is accepted as a whole, where class-validator names only the limit
 * that was broken. A message that the DTO gives stands as it is.
 * @param broken the messages of class-validator by the name of the rule
 */
export function problemsOf(
  target: object | undefined,
  property: string,
  value: unknown,
  broken: Readonly<Record<string, string>>,
): readonly string[] {
  for (const [kind, problem] of Object.entries(KINDS)) {
    const message = broken[kind];
    if (message === undefined) continue;
    // A member of the list is wrong, not the list itself.
    return [
      message.startsWith('each value in ') ? `each of them ${problem}` : problem + describeValue(value),
    ];
  }
  const rules = target === undefined ? [] : rulesOf(target, property);
  return Object.entries(broken).map(([name, message]) => {
    const rule = rules.find((one) => one.name === name);
    const plain =
      rule === undefined || rule.message !== undefined ? undefined : plainProblem(rule, rules, value);
    const problem =
      plain ?? (message.startsWith(`${property} `) ? message.slice(property.length + 1) : message);
    return value === undefined ? `${problem}; it is missing` : problem;
  });
}

function rulesOf({ constructor }: object, property: string): readonly Rule[] {
  const all = getMetadataStorage().getTargetValidationMetadatas(constructor, '', true, false);
  return all.filter(({ propertyName }) => propertyName === property);
}

/** `undefined`: class-validator's own message is used. */
function plainProblem(rule: Rule, rules: readonly Rule[], value: unknown): string | undefined {
  const { name = '', each } = rule;
  const [first, second] = rule.constraints ?? [];
  const limitOf = (limit: string) => rules.find((one) => one.name === limit)?.constraints?.[0];
  switch (name) {
    case 'min':
    case 'max':
      return members(each, range(limitOf('min'), limitOf('max'))) + (each ? '' : describeValue(value));
    case 'isLength':
      if (!each && value === '') return 'must not be empty';
      return members(
        each,
        each ? `must have ${String(first)} to ${String(second)} characters` : atMost(second, value),
      );
    case 'maxLength':
      return members(each, atMost(first, value));
    case 'isIn':
      return members(
        each && Array.isArray(value),
        `must be one of ${(first as readonly unknown[]).join(', ')}`,
      );
    case 'arrayMaxSize':
      return `must have at most ${String(first)} entries`;
    default:
      return undefined;
  }
}

function range(min: unknown, max: unknown): string {
  if (typeof max !== 'number') return `must be ${String(min)} or more`;
  return typeof min === 'number' ? `must be from ${min} to ${max}` : `must be at most ${max}`;
}

function atMost(limit: unknown, value: unknown): string {
  // Counted as the rule counts them: by code point.
  const sent = typeof value === 'string' ? `, not ${Array.from(value).length}` : '';
  return `must have at most ${String(limit)} characters${sent}`;
}

function members(isEach: boolean, problem: string): string {
  return isEach ? `each of them ${problem}` : problem;
}
