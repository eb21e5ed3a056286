import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { InvalidInputError, type InputFault } from './invalid-input-error.js';

/** class-validator on the control routes: unknown fields are faults, and all faults are told at once. */
export function inputPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => new InvalidInputError(errors.flatMap((error) => faults(error, ''))),
  });
}

function faults(error: ValidationError, parent: string): InputFault[] {
  const inArray = /^\d+$/.test(error.property);
  const field =
    parent === '' ? error.property : inArray ? `${parent}[${error.property}]` : `${parent}.${error.property}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
    field,
    problem: problemOf(rule, message, error.property),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => faults(child, field))];
}

function problemOf(rule: string, message: string, property: string): string {
  if (rule === 'whitelistValidation') return 'is not a field here; leave it out';
  // The field stands in front already.
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}
