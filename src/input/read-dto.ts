import { type ValidationError, validateSync } from 'class-validator';
import { type DtoClass, toDto } from './dto.js';
import { describeValue } from './json.js';
import type { InputFault } from './input-errors.js';

export interface ReadDto {
  readonly dto: object;
  /** None: the DTO is what its class says. */
  readonly faults: readonly InputFault[];
}

/** @param fields `given`: those that were not sent are no fault */
export function readDto(type: DtoClass, sent: object, fields: 'all' | 'given' = 'all'): ReadDto {
  const faults: InputFault[] = [];
  const dto = toDto(type, sent, '', faults);
  const errors = validateSync(dto).filter(
    ({ property }) => fields === 'all' || Object.hasOwn(sent, property),
  );
  faults.push(...errors.flatMap((error) => faultsOf(error, '')));
  return { dto, faults };
}

/** Rules of kind: where one of these is broken, what the others say is noise. */
const KINDS: Readonly<Record<string, string>> = {
  isArray: 'must be a list',
  isString: 'must be a string',
  isNumber: 'must be a number',
  isInt: 'must be a whole number',
  isBoolean: 'must be true or false',
  isObject: 'must be an object',
};

function faultsOf(
  { property, value, constraints = {}, children = [] }: ValidationError,
  path: string,
): InputFault[] {
  const field = path + property;
  for (const [rule, problem] of Object.entries(KINDS)) {
    const message = constraints[rule];
    if (message === undefined) continue;
    return [
      { field, problem: isOfMembers(message) ? `each of them ${problem}` : problem + describeValue(value) },
    ];
  }
  const own = Object.entries(constraints).map(([rule, message]) => ({
    field,
    problem: rule === 'isLength' && value === '' ? 'must not be empty' : withoutName(message, property),
  }));
  return [...own, ...children.flatMap((child) => faultsOf(child, `${field}.`))];
}

/** Whether it is what a list holds that is wrong, not the list. */
const isOfMembers = (message: string): boolean => message.startsWith('each value in ');

/** The field stands in front already. */
function withoutName(message: string, property: string): string {
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
