import { Injectable, Logger } from '@nestjs/common';
import { CredentialVault, keyIdOf } from '../../credentials/credential-cipher.js';
import { SealedHeaders, valuesOfSteps } from '../sealed-headers.js';
import type { WorkerRow } from '../worker-queries.js';
import { type RowChange, WorkerWriter } from '../worker-writer.js';
import type { WorkerEntity } from '../worker.entity.js';

const ACTOR = 'sealing';

/** Encrypts credentials that were written into the column `header` by hand, or under a key that is no longer the first. */
@Injectable()
export class ClearHeaderSealer {
  private readonly logger = new Logger('Registry');
  private readonly queued = new Set<string>();
  /** One after another: a statement may write thousands of rows, and requests for the registry need connections too. */
  private sealing: Promise<void> = Promise.resolve();

  constructor(
    private readonly writer: WorkerWriter,
    private readonly headers: SealedHeaders,
    private readonly vault: CredentialVault,
  ) {}

  /** Returns at once. Any replica may do it: the row is locked, and the next one finds nothing left to do. */
  sealIn(row: WorkerRow): void {
    const { id } = row;
    if (!this.vault.canSeal || this.queued.has(id) || !this.holdsClear(row)) return;
    this.queued.add(id);
    this.sealing = this.sealAfter(this.sealing, id);
  }

  private async sealAfter(others: Promise<void>, id: string): Promise<void> {
    await others;
    if (await this.seal(id)) this.logger.log(`sealed credentials that stood in the header of worker ${id}`);
    this.queued.delete(id);
  }

  /** Seals the credentials of these workers under the first key. @returns how many were not sealed under it */
  async sealAnew(ids: readonly string[]): Promise<number> {
    let count = 0;
    for (const id of ids) if (await this.seal(id)) count += 1;
    return count;
  }

  /** @returns whether there was anything to seal */
  private async seal(id: string): Promise<boolean> {
    let isSealed = false;
    try {
      await this.writer.change(id, ACTOR, (locked) => {
        const change = this.sealed(locked);
        isSealed = change !== null;
        return change ?? { columns: {} };
      });
    } catch (error) {
      // The next read of the row, or the next round, tries again.
      this.logger.warn(`credentials of worker ${id} not sealed: ${String(error)}`);
      return false;
    }
    return isSealed;
  }

  private holdsClear(row: WorkerEntity): boolean {
    const { isWritten, unreadable } = this.headers.read(row);
    return unreadable === null && isWritten;
  }

  private isUnderFormerKey({ sealed_header: sealed }: WorkerEntity): boolean {
    return sealed !== null && keyIdOf(sealed) !== this.vault.keyIds[0];
  }

  private sealed(row: WorkerEntity): RowChange | null {
    const { shown, hidden, sealed, origins, unreadable } = this.headers.read(row);
    if (origins === null || unreadable !== null) return null;
    if (!this.holdsClear(row) && !this.isUnderFormerKey(row)) return null;
    const kept = { ...valuesOfSteps(sealed), ...hidden };
    return {
      columns: {
        header: Object.keys(shown).length === 0 ? null : { ...shown },
        sealed_header:
          Object.keys(kept).length === 0 ? null : this.vault.seal(kept, { workerId: row.id, origins }),
      },
    };
  }
}
