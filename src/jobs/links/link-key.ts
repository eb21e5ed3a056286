import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';

const NAME = 'file_links';
const KEY_BYTES = 32;
/** A key that was deleted in the database is out of use after this time. */
const LONGEST_USE_MS = 60_000;

/**
 * The key that signs links to files. It is made once and stands in the database, since every replica must check what any
 * other has signed; a service with DATABASE_URL may have no other secret in common with its replicas.
 */
@Injectable()
export class LinkKey {
  private known: { readonly key: Buffer; readonly untilMs: number } | null = null;
  private reading: Promise<Buffer> | null = null;

  constructor(
    private readonly database: Database,
    private readonly settings: DatabaseSettings,
  ) {}

  /** @throws DatabaseUnavailableError while no key was ever read */
  async get(): Promise<Buffer> {
    const { known } = this;
    if (known !== null && performance.now() < known.untilMs) return known.key;
    this.reading ??= this.read().finally(() => (this.reading = null));
    // Links stay good while the database is away.
    return known === null ? this.reading : this.reading.catch(() => known.key);
  }

  private async read(): Promise<Buffer> {
    const table = `"${this.settings.schema}".signing_key`;
    const select = `SELECT secret FROM ${table} WHERE name = $1`;
    let [row] = await this.database.query<{ readonly secret: Buffer }>(select, [NAME]);
    if (row === undefined) {
      // Of several replicas one makes it.
      await this.database.query(
        `INSERT INTO ${table} (name, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
        [NAME, randomBytes(KEY_BYTES)],
      );
      [row] = await this.database.query<{ readonly secret: Buffer }>(select, [NAME]);
    }
    if (row === undefined) throw new Error('the signing key of links was deleted while it was made');
    this.known = { key: row.secret, untilMs: performance.now() + LONGEST_USE_MS };
    return row.secret;
  }
}
