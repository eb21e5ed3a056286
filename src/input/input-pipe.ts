import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { type DtoClass, fieldsOf } from './dto.js';
import { isJsonObject } from './json.js';
import { describeValue } from './json.js';
import { type InputFault, InvalidInputError } from './input-errors.js';
import { readDto } from './read-dto.js';

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
      const problem = `the body must be a JSON object${describeValue(value)}`;
      throw new InvalidInputError([{ field: '', problem }]);
    }
    const { dto, faults } = readDto(type, value);
    if (faults.length === 0) return dto;
    const further = hasFurtherFaults(dto) ? dto.furtherFaults(new Set(faults.map(topField))) : [];
    throw new InvalidInputError([...faults, ...further]);
  }
}

function topField({ field }: InputFault): string {
  return field.split('.', 1).join();
}

function hasFurtherFaults(dto: object): dto is HasFurtherFaults {
  return 'furtherFaults' in dto && typeof dto.furtherFaults === 'function';
}
