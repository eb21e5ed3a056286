import { Injectable, Logger } from '@nestjs/common';
import { CredentialVault } from '../../credentials/credential-cipher.js';
import { SealedHeaders } from '../sealed-headers.js';
import type { WorkerRow } from '../worker-queries.js';
import { type RowChange, WorkerWriter } from '../worker-writer.js';
import type { WorkerEntity } from '../worker.entity.js';

const ACTOR = 'sealing';

/** Encrypts credentials that were written into the column `header` by hand. */
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
    this.sealing = this.sealing.then(() => this.seal(id)).finally(() => this.queued.delete(id));
  }

  private async seal(id: string): Promise<void> {
    try {
      await this.writer.change(id, ACTOR, (locked) => this.sealed(locked));
      this.logger.log(`sealed credentials that stood in the header of worker ${id}`);
    } catch (error) {
      // The next read of the row tries again.
      this.logger.warn(`credentials of worker ${id} not sealed: ${String(error)}`);
    }
  }

  private holdsClear(row: WorkerEntity): boolean {
    const { hidden, sealed, unreadable } = this.headers.read(row);
    return unreadable === null && Object.keys(hidden).some((name) => sealed[name] !== hidden[name]);
  }

  private sealed(row: WorkerEntity): RowChange {
    const stored = this.headers.read(row);
    if (stored.origins === null || !this.holdsClear(row)) return { columns: {} };
    const { shown, hidden, sealed, origins } = stored;
    return {
      columns: {
        header: Object.keys(shown).length === 0 ? null : { ...shown },
        sealed_header: this.headers.seal(row, stored, { ...sealed, ...hidden }, origins),
      },
    };
  }
}
