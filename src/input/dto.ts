import { getMetadataStorage, IsObject, ValidateNested } from 'class-validator';
import { type InputFault, InvalidInputError } from './input-errors.js';
import { isJsonObject } from './json.js';

export type DtoClass = (new () => object) & {
  /** Puts what was sent in few words in the words of the class. @throws InvalidInputError */
  readonly expand?: (sent: Sent) => Sent;
};
type Sent = Readonly<Record<string, unknown>>;

const nested = new WeakMap<object, Map<string | symbol, () => DtoClass>>();

/** A field that is an object of another DTO. */
export function IsDto(type: () => DtoClass): PropertyDecorator {
  return (target, key) => {
    const ofClass = nested.get(target) ?? new Map<string | symbol, () => DtoClass>();
    nested.set(target, ofClass.set(key, type));
    IsObject()(target, key);
    ValidateNested()(target, key);
  };
}

/** The fields a DTO class has rules for; of any other class, none. */
export function fieldsOf(type: DtoClass): ReadonlySet<string> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
  return new Set(rules.map((rule) => rule.propertyName));
}

/**
 * What was sent, as an object of the class, its free JSON untouched: class-transformer would walk through that as well,
 * lose keys such as `toString` in it and stumble over `constructor`. Fields the class does not have become faults.
 */
export function toDto(type: DtoClass, sent: object, path: string, faults: InputFault[]): object {
  const dto = new type();
  const fields = fieldsOf(type);
  for (const [key, value] of Object.entries(expanded(type, sent, path, faults))) {
    const field = path + key;
    if (!fields.has(key)) faults.push({ field, problem: 'is not a field here; leave it out' });
    else Object.assign(dto, { [key]: toField(type, key, value, `${field}.`, faults) });
  }
  return dto;
}

function expanded({ expand }: DtoClass, sent: object, path: string, faults: InputFault[]): Sent {
  if (expand === undefined) return sent as Sent;
  try {
    return expand(sent as Sent);
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    faults.push(...error.details.map(({ field, problem }) => ({ field: path + field, problem })));
    const { preset: _preset, ...rest } = sent as Sent;
    return rest;
  }
}

function toField(type: DtoClass, key: string, value: unknown, path: string, faults: InputFault[]): unknown {
  const child = nested.get(type.prototype as object)?.get(key);
  if (child === undefined || !isJsonObject(value)) return value;
  return toDto(child(), value, path, faults);
}
