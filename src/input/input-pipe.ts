import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { type ValidationError, validateSync } from 'class-validator';
import { type DtoClass, fieldsOf, isJsonObject, toDto } from './dto.js';
import { given } from './given.js';
import { type InputFault, InvalidInputError } from './invalid-input-error.js';

/** A DTO with rules that no decorator can tell. */
export interface HasFurtherFaults {
  /** Those of its fields that are not among `faulty`, so that a caller hears of all faults at once. */
  furtherFaults(faulty: ReadonlySet<string>): readonly InputFault[];
}

/** class-validator on the control routes: unknown fields are faults, and all faults are told at once. */
export class InputPipe implements PipeTransform {
  /** @throws InvalidInputError */
  transform(value: unknown, { metatype }: ArgumentMetadata): unknown {
    const type = metatype as DtoClass | undefined;
    if (type === undefined || fieldsOf(type).size === 0) return value;
    if (!isJsonObject(value)) {
      throw new InvalidInputError([{ field: '', problem: `the body must be a JSON object${given(value)}` }]);
    }
    const faults: InputFault[] = [];
    const dto = toDto(type, value, '', faults);
    faults.push(...validateSync(dto).flatMap((error) => faultsOf(error, '')));
    if (faults.length === 0) return dto;
    if (hasFurtherFaults(dto)) faults.push(...dto.furtherFaults(new Set(faults.map(topField))));
    throw new InvalidInputError(faults);
  }
}

/** Rules of kind: where one of these is broken, what the others say is noise. */
const KINDS: Readonly<Record<string, string>> = {
  isString: 'must be a string',
  isNumber: 'must be a number',
  isInt: 'must be a whole number',
  isBoolean: 'must be true or false',
  isObject: 'must be an object',
};

function faultsOf({ property, value, constraints = {}, children = [] }: ValidationError, path: string) {
  const field = path + property;
  for (const [rule, problem] of Object.entries(KINDS))
    if (rule in constraints) return [{ field, problem: problem + given(value) }];
  const own = Object.entries(constraints).map(([rule, message]) => ({
    field,
    problem: rule === 'isLength' && value === '' ? 'must not be empty' : withoutName(message, property),
  }));
  return [...own, ...children.flatMap((child): InputFault[] => faultsOf(child, `${field}.`))];
}

/** The field stands in front already. */
function withoutName(message: string, property: string): string {
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}

function topField({ field }: InputFault): string {
  return field.split('.', 1).join();
}

function hasFurtherFaults(dto: object): dto is HasFurtherFaults {
  return 'furtherFaults' in dto && typeof dto.furtherFaults === 'function';
}
