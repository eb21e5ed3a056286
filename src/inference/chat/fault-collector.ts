import { describeValue, isJsonObject, type Fields } from '../../input/json.js';
import type { InputFault } from '../../input/input-errors.js';

/** Reads fields of a body and collects the faults, so that the client sees all at once. */
export class FaultCollector {
  readonly all: InputFault[] = [];

  add(field: string, problem: string): void {
    this.all.push({ field, problem });
  }

  string(value: unknown, field: string, what = 'must be a string'): string {
    if (typeof value === 'string') return value;
    this.add(field, `${what}${describeValue(value)}`);
    return '';
  }

  object(value: unknown, field: string, what = 'must be an object'): Fields {
    if (isJsonObject(value)) return value;
    this.add(field, `${what}${describeValue(value)}`);
    return {};
  }

  list(value: unknown, field: string, what = 'must be a list'): readonly unknown[] {
    if (Array.isArray(value)) return value as unknown[];
    this.add(field, `${what}${describeValue(value)}`);
    return [];
  }

  /** @returns `undefined` if absent or invalid */
  number(value: unknown, field: string, from: number, to: number): number | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'number' && value >= from && value <= to) return value;
    this.add(field, `must be a number from ${from} to ${to}${describeValue(value)}`);
    return undefined;
  }
}
