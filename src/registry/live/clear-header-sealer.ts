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
  private readonly running = new Set<string>();

  constructor(
    private readonly writer: WorkerWriter,
    private readonly headers: SealedHeaders,
    private readonly vault: CredentialVault,
  ) {}

  /** Returns at once. Any replica may do it: the row is locked, and the next one finds nothing left to do. */
  sealIn(rows: readonly WorkerRow[]): void {
    if (!this.vault.canSeal) return;
    for (const row of rows) {
      if (this.running.has(row.id) || !this.holdsClear(row)) continue;
      this.running.add(row.id);
      this.writer
        .change(row.id, ACTOR, (locked) => this.sealed(locked))
        .then(() => this.logger.log(`sealed credentials that stood in the header of worker ${row.id}`))
        // The next read of the row tries again.
        .catch((error: unknown) =>
          this.logger.warn(`credentials of worker ${row.id} not sealed: ${String(error)}`),
        )
        .finally(() => this.running.delete(row.id));
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
