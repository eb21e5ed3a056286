import { Injectable } from '@nestjs/common';
import { InputPipe } from '../../input/input-pipe.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { ambiguousNulls, mergePatch } from '../../input/merge-patch.js';
import { isDeeperThan, DEEPEST_JSON, isJsonObject, describeValue } from '../../input/json.js';
import { DefinitionCheck } from '../registration/definition-check.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import type { WorkerEntity } from '../worker.entity.js';
import { asPatch, mergeHeaders } from './header-merge.js';
import { registrationOf } from '../worker-fields.js';
import { SealedHeaders, originOf } from '../sealed-headers.js';
import type { RowChange } from '../worker-writer.js';
import type { WorkerDefinition } from '../worker-definition.js';
import { fieldsOf } from '../../input/dto.js';

type Members = Readonly<Record<string, unknown>>;

/** Columns whose own `null`s mean something. */
const MAY_HOLD_NULL = ['body', 'success_when', 'stream_extract'] as const;

/** What a row becomes: decided from the row and what was sent, under the row's lock, so nothing here waits. */
@Injectable()
export class ChangePlanner {
  private readonly pipe = new InputPipe();

  constructor(
    private readonly definitionCheck: DefinitionCheck,
    private readonly headers: SealedHeaders,
  ) {}

  /** @throws InvalidInputError */
  patch(row: WorkerEntity, patch: Members, urlFaults: readonly InputFault[]): RowChange {
    const { header, ...rest } = patch;
    const faults = MAY_HOLD_NULL.flatMap((column) => ambiguousNulls(row[column], rest[column], column)).map(
      (field) => ({
        field,
        problem:
          'is null already, and null in a merge patch would remove it: leave it out to keep it, or PUT the whole definition',
      }),
    );
    if (faults.length > 0) throw new InvalidInputError(faults);
    const merged = mergePatch(registrationOf(row), rest) as Members;
    return this.change(row, merged, header === undefined ? {} : header, urlFaults);
  }

  /** @throws InvalidInputError */
  replace(row: WorkerEntity, dto: RegisterWorkerDto, urlFaults: readonly InputFault[]): RowChange {
    const { header, ...rest } = dto;
    const given = asPatch(this.headers.read(row), header ?? {});
    return this.change(row, rest, given, urlFaults);
  }

  private change(
    row: WorkerEntity,
    registration: Members,
    givenHeader: unknown,
    urlFaults: readonly InputFault[],
  ): RowChange {
    const origin = originOf(registration['req_url_template']);
    const stored = this.headers.read(row, origin);
    const merged = isJsonObject(givenHeader)
      ? mergeHeaders(stored, givenHeader, origin)
      : { header: givenHeader, faults: [] };
    const dto = this.valid({ ...registration, header: merged.header });
    const { definition, sensitive, call } = this.definitionCheck.checkAt(dto, [
      ...urlFaults,
      ...merged.faults,
    ]);
    const columns = changedColumns(row, definition);
    const sealed = givenHeader === null ? null : this.headers.seal(row, stored, sensitive, call.origin);
    return sealed === row.sealed_header ? { columns } : { columns: { ...columns, sealed_header: sealed } };
  }

  private valid(registration: Members): RegisterWorkerDto {
    return this.pipe.transform(registration, {
      type: 'body',
      metatype: RegisterWorkerDto,
    }) as RegisterWorkerDto;
  }
}

/** Columns whose keys stand in the order they were given in: it is the order they are sent in. */
const IN_ORDER: ReadonlySet<string> = new Set(['body', 'req_param']);

/** Of the new definition, the columns that say something else than the row; none: it is the same worker as before. */
export function changedColumns(row: WorkerEntity, definition: WorkerDefinition): Partial<WorkerDefinition> {
  const before = new Map<string, unknown>(Object.entries(row));
  const changed = Object.entries(definition).filter(
    ([column, value]) => text(before.get(column), column) !== text(value, column),
  );
  return Object.fromEntries(changed);
}

function text(value: unknown, column: string): string {
  // Only a hand can have stored it, and no definition is the same.
  if (isDeeperThan(2 * DEEPEST_JSON, value)) return '';
  return JSON.stringify(IN_ORDER.has(column) ? value : sorted(value));
}

function sorted(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, sorted(each)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const SWITCH = 'is changed by POST to /enable, /disable, /drain or /offline of the worker; leave it out';
const KEPT_BY_SERVICE = 'is kept by this service; leave it out';

/** What a view shows and no patch may hold. */
const READ_ONLY: Readonly<Record<string, string>> = {
  id: KEPT_BY_SERVICE,
  admin_state: SWITCH,
  admin_state_since: SWITCH,
  admin_state_by: SWITCH,
  health: KEPT_BY_SERVICE,
  health_reason: KEPT_BY_SERVICE,
  health_since: KEPT_BY_SERVICE,
  in_flight: KEPT_BY_SERVICE,
  ejected_until: KEPT_BY_SERVICE,
  generation: 'rises with every change; to change one generation only, send it as If-Match',
  created_at: KEPT_BY_SERVICE,
  updated_at: KEPT_BY_SERVICE,
};

/** The members of a patch; their values are checked when they are merged. @throws InvalidInputError */
export function checkPatch(sent: unknown): Readonly<Record<string, unknown>> {
  if (!isJsonObject(sent))
    throw new InvalidInputError([
      { field: '', problem: `the body must be a JSON object${describeValue(sent)}` },
    ]);
  const known = fieldsOf(RegisterWorkerDto);
  const faults = Object.keys(sent)
    .filter((field) => !known.has(field))
    .map((field) => ({
      field,
      problem: (Object.hasOwn(READ_ONLY, field) && READ_ONLY[field]) || 'is not a field here; leave it out',
    }));
  if (faults.length > 0) throw new InvalidInputError(faults);
  return sent;
}
