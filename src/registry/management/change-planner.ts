import { Injectable } from '@nestjs/common';
import { InputPipe } from '../../input/input-pipe.js';
import { type InputFault, InvalidInputError } from '../../input/invalid-input-error.js';
import { ambiguousNulls, mergePatch } from '../../input/merge-patch.js';
import { isJsonObject } from '../../input/dto.js';
import { DefinitionCheck } from '../registration/definition-check.js';
import { RegisterWorkerDto } from '../registration/register-worker.dto.js';
import type { WorkerEntity } from '../worker.entity.js';
import { changedColumns } from './definition-changes.js';
import { asPatch, mergeHeaders } from './header-merge.js';
import { registrationOf } from './registration-of.js';
import { HeaderStore, originOf } from './stored-headers.js';
import type { RowChange } from './worker-edits.js';

type Members = Readonly<Record<string, unknown>>;

/** Columns whose own `null`s mean something. */
const MAY_HOLD_NULL = ['body', 'success_when', 'stream_extract'] as const;

/** What a row becomes: decided from the row and what was sent, under the row's lock, so nothing here waits. */
@Injectable()
export class ChangePlanner {
  private readonly pipe = new InputPipe();

  constructor(
    private readonly definitionCheck: DefinitionCheck,
    private readonly headers: HeaderStore,
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
