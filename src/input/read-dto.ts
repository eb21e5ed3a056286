import {
  getMetadataStorage,
  IsObject,
  ValidateNested,
  type ValidationError,
  validateSync,
} from 'class-validator';
import type { InputFault } from './input-errors.js';
import { isJsonObject } from './json.js';
import { problemsOf } from './rule-messages.js';

export type DtoClass<Dto extends object = object> = new () => Dto;

export interface ReadDto<Dto extends object> {
  readonly dto: Dto;
  /** None: the DTO is valid. */
  readonly faults: readonly InputFault[];
}

const nested = new WeakMap<object, Map<string | symbol, () => DtoClass>>();

/** A field that holds another DTO. */
export function IsDto(type: () => DtoClass): PropertyDecorator {
  return (target, key) => {
    const ofClass = nested.get(target) ?? new Map<string | symbol, () => DtoClass>();
    nested.set(target, ofClass.set(key, type));
    IsObject()(target, key);
    ValidateNested()(target, key);
  };
}

/** The fields that a DTO class has rules for; none for any other class. */
export function fieldsOf(type: DtoClass): ReadonlySet<string> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
  return new Set(rules.map((rule) => rule.propertyName));
}

/** @param fields `sent`: fields that were not sent are no fault */
export function readDto<Dto extends object>(
  type: DtoClass<Dto>,
  sent: object,
  fields: 'all' | 'sent' = 'all',
): ReadDto<Dto> {
  const faults: InputFault[] = [];
  const dto = toDto(type, sent, '', faults);
  const errors = validateSync(dto).filter(
    ({ property }) => fields === 'all' || Object.hasOwn(sent, property),
  );
  faults.push(...errors.flatMap((error) => faultsOf(error, '')));
  return { dto, faults };
}

/**
 * What was sent, as an object of the class, with its free JSON untouched: class-transformer would walk through that as well,
 * lose keys such as `toString` in it and fail on `constructor`. Fields that the class does not have become faults.
 */
function toDto<Dto extends object>(
  type: DtoClass<Dto>,
  sent: object,
  path: string,
  faults: InputFault[],
): Dto {
  const dto = new type();
  const fields = fieldsOf(type);
  for (const [key, value] of Object.entries(sent)) {
    const field = path + key;
    if (!fields.has(key)) faults.push({ field, problem: 'is not a field here; leave it out' });
    else Object.assign(dto, { [key]: toField(type, key, value, `${field}.`, faults) });
  }
  return dto;
}

function toField(type: DtoClass, key: string, value: unknown, path: string, faults: InputFault[]): unknown {
  const child = nested.get(type.prototype as object)?.get(key);
  if (child === undefined || !isJsonObject(value)) return value;
  return toDto(child(), value, path, faults);
}

function faultsOf(
  { target, property, value, constraints = {}, children = [] }: ValidationError,
  path: string,
): InputFault[] {
  const field = path + property;
  const own = problemsOf(target, property, value, constraints).map((problem) => ({ field, problem }));
  return own.length > 0 ? own : children.flatMap((child) => faultsOf(child, `${field}.`));
}
