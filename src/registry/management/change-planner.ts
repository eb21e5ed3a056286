import { Injectable } from '@nestjs/common';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { DEEPEST_JSON, describeValue, isDeeperThan, isJsonObject } from '../../input/json.js';
import { ambiguousNulls, mergePatch } from '../../input/merge-patch.js';
import { fieldsOf } from '../../input/read-dto.js';
import type { SecretLookup } from '../../template/placeholders.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import { type CheckedDefinition, DefinitionCheck } from '../registration/definition-check.js';
import { readDefinition } from '../registration/read-registration.js';
import { keepingCredentials, mergeHeaders, mergeSteps, sealedFor, SealedHeaders } from '../sealed-headers.js';
import {
  COLUMNS_WITH_NULLS,
  ORDERED_COLUMNS,
  READ_ONLY,
  registrationOf,
  type WorkerDefinition,
} from '../worker-fields.js';
import type { RowChange } from '../worker-writer.js';
import type { WorkerEntity } from '../worker.entity.js';

type Members = Readonly<Record<string, unknown>>;

/** Decides what a row becomes, from the row and what a client sent. It runs under the row's lock, so nothing here waits. */
@Injectable()
export class ChangePlanner {
  constructor(
    private readonly definitionCheck: DefinitionCheck,
    private readonly headers: SealedHeaders,
  ) {}

  /** @throws InvalidInputError */
  patch(row: WorkerEntity, patch: Members, urlFaults: readonly InputFault[]): RowChange {
    const { merged, headerPatch } = mergedPatch(row, patch);
    return this.change(row, merged, headerPatch, urlFaults);
  }

  /** @throws InvalidInputError */
  replace(row: WorkerEntity, dto: RegisterWorkerDto, urlFaults: readonly InputFault[]): RowChange {
    const { header, ...rest } = dto;
    const patch = keepingCredentials(this.headers.read(row), header ?? {});
    return this.change(row, rest, patch, urlFaults);
  }

  /** What a patch would make of a row, with its credentials, to be called and not to be stored. @throws InvalidInputError */
  trial(
    row: WorkerEntity,
    patch: Members,
    urlFaults: readonly InputFault[],
    secrets: SecretLookup,
  ): CheckedDefinition {
    const { merged, headerPatch } = mergedPatch(row, patch);
    const { dto, faults, stored } = this.read(row, merged, headerPatch);
    const lost =
      stored.unreadable === null || 'header' in patch
        ? []
        : [{ field: 'header', problem: `cannot be read (${stored.unreadable}): give the credentials again` }];
    const options = { stored: false, secrets };
    return this.definitionCheck.checkWith([...urlFaults, ...faults, ...lost], dto, options);
  }

  private change(
    row: WorkerEntity,
    registration: Members,
    headerPatch: unknown,
    urlFaults: readonly InputFault[],
  ): RowChange {
    const { dto, faults, stored, origins } = this.read(row, registration, headerPatch);
    const { definition, sensitive, call } = this.definitionCheck.checkWith([...urlFaults, ...faults], dto, {
      known: row,
    });
    const columns = changedColumns(row, definition);
    const isEmptied = headerPatch === null && Object.keys(sensitive).length === 0;
    const sealed = isEmptied ? null : this.headers.seal(row, stored, sensitive, origins ?? call.origin);
    return sealed === row.sealed_header ? { columns } : { columns: { ...columns, sealed_header: sealed } };
  }

  /** The new definition with the stored credentials that it keeps. @throws InvalidInputError */
  private read(row: WorkerEntity, registration: Members, headerPatch: unknown) {
    const origins = sealedFor(registration);
    const stored = this.headers.read(row, origins);
    const merged = isJsonObject(headerPatch)
      ? mergeHeaders(stored, headerPatch, origins)
      : { header: headerPatch, faults: [] };
    const { steps, faults } = mergeSteps(stored, registration, origins);
    const dto = readDefinition({
      ...registration,
      header: merged.header,
      ...steps,
    });
    return { dto, faults: [...merged.faults, ...faults], stored, origins };
  }
}

/** @throws InvalidInputError */
function mergedPatch(row: WorkerEntity, { header, ...rest }: Members) {
  const ambiguous = COLUMNS_WITH_NULLS.flatMap((column) => ambiguousNulls(row[column], rest[column], column));
  if (ambiguous.length > 0) {
    const problem =
      'is null already, and null in a merge patch removes a member: leave it out to keep it, or PUT the whole definition';
    throw new InvalidInputError(ambiguous.map((field) => ({ field, problem })));
  }
  const merged = mergePatch(registrationOf(row), rest) as Members;
  return { merged, headerPatch: header === undefined ? {} : header };
}

const SET_BY = {
  switch: 'is changed by POST to /enable, /disable, /drain or /offline of the worker; leave it out',
  service: 'is kept by this service; leave it out',
} as const;
const GENERATION = 'rises with every change; to change one generation only, send it as If-Match';

/** The members of a patch; their values are checked once they are merged. @throws InvalidInputError */
export function checkPatch(sent: unknown): Members {
  if (!isJsonObject(sent)) {
    const problem = `the body must be a JSON object${describeValue(sent)}`;
    throw new InvalidInputError([{ field: '', problem }]);
  }
  const known = fieldsOf(RegisterWorkerDto);
  const faults = Object.keys(sent)
    .filter((field) => !known.has(field))
    .map((field) => ({ field, problem: whyNotPatched(field) }));
  if (faults.length > 0) throw new InvalidInputError(faults);
  return sent;
}

function whyNotPatched(field: string): string {
  if (field === 'generation') return GENERATION;
  const setBy = READ_ONLY.get(field);
  return setBy === undefined ? 'is not a field here; leave it out' : SET_BY[setBy];
}

/** The columns in which the new definition differs from the row; none: the worker stays as it is. */
function changedColumns(row: WorkerEntity, definition: WorkerDefinition): Partial<WorkerDefinition> {
  const before = new Map<string, unknown>(Object.entries(row));
  const changed = Object.entries(definition).filter(
    ([column, value]) => comparable(before.get(column), column) !== comparable(value, column),
  );
  return Object.fromEntries(changed);
}

function comparable(value: unknown, column: string): string {
  // Only a change by hand can have stored it, and no definition equals it.
  if (isDeeperThan(2 * DEEPEST_JSON, value)) return '';
  return JSON.stringify(ORDERED_COLUMNS.has(column) ? value : sorted(value));
}

function sorted(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, sorted(each)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
