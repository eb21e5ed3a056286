import { InvalidInputError, PreconditionFailedError } from './input-errors.js';

/** The generations that a change is meant for; `any`: the current one, whatever it is. */
export type WantedGeneration = 'any' | readonly number[];

/** An entity tag of this service [RFC 9110, 8.8.3]; proxies that compress make it a weak one. */
const TAG = /^(?:W\/)?"(\d{1,9})"$/;

/** The `ETag` of a generation. */
export function etagOf(generation: number): string {
  return `"${generation}"`;
}

/** Reads `If-Match`; without it, `any`. @throws InvalidInputError that names `If-Match` */
export function readIfMatch(header: string | undefined): WantedGeneration {
  if (header === undefined || header.trim() === '*') return 'any';
  // Empty members are ignored [RFC 9110, 5.6.1].
  const members = header
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  const generations = members.map((member) => Number(TAG.exec(member)?.[1] ?? NaN));
  if (generations.length === 0 || generations.some(Number.isNaN)) {
    const problem = 'must be an ETag in quotes (such as "7"), several of them separated by commas, or *';
    throw new InvalidInputError([{ field: 'If-Match', problem }]);
  }
  return generations;
}

/** @throws PreconditionFailedError */
export function checkGeneration(wanted: WantedGeneration, actual: number): void {
  if (wanted !== 'any' && !wanted.includes(actual)) throw new PreconditionFailedError(wanted, actual);
}
