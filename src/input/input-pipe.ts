import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { type InputFault, InvalidInputError } from './input-errors.js';
import { describeValue, isJsonObject } from './json.js';
import { type DtoClass, fieldsOf, readDto } from './read-dto.js';

/** A DTO with rules that no decorator can express. */
export interface HasFurtherFaults {
  /** Faults of the fields that are not in `faulty`, so that a client gets all faults at once. */
  furtherFaults(faulty: ReadonlySet<string>): readonly InputFault[];
}

/** Validates the DTOs of the control routes. Unknown fields are faults, and all faults are listed at once. */
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

/** Of `timeouts.total_ms`, `timeouts`. */
export function topField({ field }: InputFault): string {
  return field.split('.', 1).join();
}

function hasFurtherFaults(dto: object): dto is HasFurtherFaults {
  return 'furtherFaults' in dto && typeof dto.furtherFaults === 'function';
}
