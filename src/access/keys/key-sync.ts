import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { RegistrySettings } from '../../config/settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { LockReporter } from '../../database/lock-reporter.js';
import { Notifications } from '../../database/notifications.js';
import { KeyTable } from './key-table.js';
import { LiveKeys } from './live-keys.js';

/** Notifications that arrive within this time cause one read. */
const GATHER_MS = 50;
const RETRY_MS = 1_000;
/** Rows of one query: reading 2,000 takes less than 20 ms, during which no request runs. */
const SLICE = 2_000;
const USE_WRITE_MS = 30_000;
/** How long a request with an unknown key waits to learn whether another replica made it a moment ago. */
const LONGEST_LOOKUP_MS = 1_000;
/** Unknown keys that are looked up at once; others are refused, so that guessing costs the database nothing. */
const MOST_LOOKUPS = 100;

/** Keeps LiveKeys equal to the tables: a NOTIFY is a hint to read earlier, the resync decides. */
@Injectable()
export class KeySync implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Access');
  private readonly hinted = new Set<string>();
  private gathering: NodeJS.Timeout | null = null;
  private resyncing: NodeJS.Timeout | null = null;
  private reading: Promise<void> = Promise.resolve();
  /** Of the tables, when they were last compared as a whole. */
  private fingerprint = '';
  private readonly sought = new Set<string>();
  private seeking: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly table: KeyTable,
    private readonly live: LiveKeys,
    private readonly connection: DatabaseConnection,
    private readonly settings: RegistrySettings,
    private readonly locks: LockReporter,
    notifications: Notifications,
  ) {
    notifications.subscribe('access_changed', {
      onNotify: (payload) => this.hint(payload),
      onListening: () => void this.resync(),
    });
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => void this.resync());
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    if (this.gathering !== null) clearTimeout(this.gathering);
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    await this.reading;
    await this.writeUses();
  }

  /** Reads these keys again; all teams and ends of sessions. Resolves when LiveKeys shows them. @throws DatabaseUnavailableError */
  reload(ids: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      await this.readShared();
      await this.read(ids);
    });
  }

  /** Reads keys that are not in memory, by their hashes. Never throws. */
  async lookUp(hashes: readonly string[]): Promise<void> {
    if (this.sought.size >= MOST_LOOKUPS) return;
    for (const hash of hashes) this.sought.add(hash);
    this.seeking ??= this.inTurn(async () => {
      const batch = [...this.sought];
      this.sought.clear();
      this.seeking = null;
      this.live.apply(await this.table.withHashes(batch), []);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LONGEST_LOOKUP_MS)));
    await Promise.race([this.seeking.catch(() => {}), late]);
    clearTimeout(timer);
  }

  @Interval(USE_WRITE_MS)
  async writeUses(): Promise<void> {
    const used = this.live.takeUsed();
    if (used.length === 0) return;
    await this.table.writeUses(used).catch((error: unknown) => {
      this.logger.warn(`when keys were last used was not written: ${String(error)}`);
    });
  }

  private async resync(): Promise<void> {
    if (this.stopped) return;
    if (this.resyncing !== null) clearTimeout(this.resyncing);
    this.resyncing = null;
    const nextMs = await this.inTurn(() =>
      this.locks.during('the keys are not read', () => this.readChanged()),
    ).then(
      () => this.settings.resyncMs,
      (error: unknown) => {
        if (!(error instanceof DatabaseUnavailableError)) this.logger.error(error);
        return Math.min(this.settings.resyncMs, RETRY_MS * (0.5 + Math.random()));
      },
    );
    if (this.stopped || this.resyncing !== null) return;
    this.resyncing = setTimeout(() => void this.resync(), nextMs).unref();
  }

  private async readChanged(): Promise<void> {
    const fingerprint = await this.table.fingerprint();
    if (fingerprint !== this.fingerprint || !this.live.isLoaded) {
      await this.readShared();
      const known = this.live.versions();
      const versions = await this.table.versions();
      const changed = [...versions].flatMap(([id, version]) => (known.get(id) === version ? [] : [id]));
      this.live.apply(
        [],
        [...known.keys()].filter((id) => !versions.has(id)),
      );
      await this.read(changed);
      this.fingerprint = fingerprint;
    }
    this.live.isLoaded = true;
  }

  private async readShared(): Promise<void> {
    this.live.applyTeams(await this.table.teams());
    this.live.applySessionEnds(await this.table.sessionEnds());
  }

  private async read(ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += SLICE) {
      const slice = ids.slice(from, from + SLICE);
      const rows = await this.table.withIds(slice);
      const found = new Set(rows.map(({ id }) => id));
      this.live.apply(
        rows,
        slice.filter((id) => !found.has(id)),
      );
    }
  }

  private hint(payload: string): void {
    const [subject, id = ''] = payload.split(' ', 2);
    if (subject === 'key') this.hinted.add(id);
    this.gathering ??= setTimeout(() => {
      this.gathering = null;
      const ids = [...this.hinted];
      this.hinted.clear();
      this.reload(ids).catch(() => this.resync());
    }, GATHER_MS).unref();
  }

  private inTurn(read: () => Promise<void>): Promise<void> {
    const turn = this.reading.then(read);
    this.reading = turn.catch(() => {});
    return turn;
  }
}
