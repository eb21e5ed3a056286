import {
  getMetadataStorage,
  IsObject,
  ValidateBy,
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

interface Nested {
  readonly type: () => DtoClass;
  readonly mayBeList: boolean;
}

const nested = new WeakMap<object, Map<string | symbol, Nested>>();

function nest(target: object, key: string | symbol, child: Nested): void {
  nested.set(target, (nested.get(target) ?? new Map<string | symbol, Nested>()).set(key, child));
  ValidateNested()(target, key);
}

/** Of a class and of those that it extends. */
function nestedIn(type: DtoClass): ReadonlyMap<string | symbol, Nested> {
  const all = new Map<string | symbol, Nested>();
  for (
    let at: unknown = type.prototype;
    typeof at === 'object' && at !== null;
    at = Object.getPrototypeOf(at)
  )
    for (const [key, child] of nested.get(at) ?? []) if (!all.has(key)) all.set(key, child);
  return all;
}

/** A field that holds another DTO. */
export function IsDto(type: () => DtoClass): PropertyDecorator {
  return (target, key) => {
    nest(target, key, { type, mayBeList: false });
    IsObject()(target, key);
  };
}

/** A field that holds another DTO, or a list of them. */
export function IsDtoList(type: () => DtoClass, most: number): PropertyDecorator {
  return (target, key) => {
    nest(target, key, { type, mayBeList: true });
    ValidateBy({
      name: 'isDtoList',
      validator: {
        validate: (value: unknown) =>
          isJsonObject(value) ||
          (Array.isArray(value) && value.length >= 1 && value.length <= most && value.every(isJsonObject)),
        defaultMessage: () => `$property must be an object, or a list of 1 to ${most} objects`,
      },
    })(target, key);
  };
}

/** The fields that a DTO class has rules for; none for any other class. */
export function fieldsOf(type: DtoClass): ReadonlySet<string> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
  return new Set(rules.map((rule) => rule.propertyName));
}

/** The DTOs that the fields of a class hold. */
export function nestedDtosOf(type: DtoClass): readonly DtoClass[] {
  return [...nestedIn(type).values()].map((child) => child.type());
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
    else Object.assign(dto, { [key]: toField(type, key, value, field, faults) });
  }
  return dto;
}

function toField(type: DtoClass, key: string, value: unknown, field: string, faults: InputFault[]): unknown {
  const child = nestedIn(type).get(key);
  if (child === undefined) return value;
  const read = (each: unknown, path: string): unknown =>
    isJsonObject(each) ? toDto(child.type(), each, `${path}.`, faults) : each;
  if (!child.mayBeList || !Array.isArray(value)) return read(value, field);
  return value.map((each, at) => read(each, `${field}[${at}]`));
}

function faultsOf(
  { target, property, value, constraints = {}, children = [] }: ValidationError,
  path: string,
): InputFault[] {
  const field = Array.isArray(target)
    ? `${path}[${property}]`
    : path === ''
      ? property
      : `${path}.${property}`;
  // A list of objects is checked by a rule of its own, which this one would repeat.
  const rules = Object.fromEntries(
    Object.entries(constraints).filter(([rule]) => rule !== 'nestedValidation'),
  );

  const own = problemsOf(target, property, value, rules).map((problem) => ({ field, problem }));
  return own.length > 0 ? own : children.flatMap((child) => faultsOf(child, field));
}
