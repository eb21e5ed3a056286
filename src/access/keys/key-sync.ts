import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { RegistrySettings } from '../../config/settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { LockReporter } from '../../database/lock-reporter.js';
import { Notifications } from '../../database/notifications.js';
import { TableFollower } from '../../database/table-follower.js';
import { KeyTable } from './key-table.js';
import { LiveKeys } from './live-keys.js';

/** Rows of one query: reading 2,000 takes less than 20 ms, during which no request runs. */
const SLICE = 2_000;
const USE_WRITE_MS = 30_000;
/** How long a request with an unknown key waits to learn whether another replica made it a moment ago. */
const LONGEST_LOOKUP_MS = 1_000;
/** Unknown keys that are looked up at once; others are refused, so that guessing costs the database nothing. */
const MOST_LOOKUPS = 100;

/** Keeps LiveKeys equal to the tables. */
@Injectable()
export class KeySync implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Access');
  private readonly follower: TableFollower;
  /** Of the tables, when they were last compared as a whole. */
  private fingerprint = '';
  private readonly sought = new Set<string>();
  private seeking: Promise<void> | null = null;

  constructor(
    private readonly table: KeyTable,
    private readonly live: LiveKeys,
    private readonly connection: DatabaseConnection,
    { resyncMs }: RegistrySettings,
    locks: LockReporter,
    notifications: Notifications,
  ) {
    this.follower = new TableFollower({
      readChanged: () => this.readChanged(),
      reload: (ids) => this.reload(ids),
      resyncMs,
      logger: this.logger,
      locks,
      whenLocked: 'the keys are not read',
    });
    notifications.subscribe('access_changed', {
      onNotify: (payload) => {
        const [subject, id = ''] = payload.split(' ', 2);
        this.follower.hint(subject === 'key' ? id : null);
      },
      onListening: () => void this.follower.resync(),
    });
  }

  onApplicationBootstrap(): void {
    this.connection.onConnected(() => void this.follower.resync());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.follower.stop();
    await this.writeUses();
  }

  /** Reads these keys again; all teams and ends of sessions. Resolves when LiveKeys shows them. @throws DatabaseUnavailableError */
  reload(ids: readonly string[]): Promise<void> {
    return this.follower.inTurn(async () => {
      await this.readShared();
      await this.read(ids);
    });
  }

  /** Reads keys that are not in memory, by their hashes. Never throws. */
  async lookUp(hashes: readonly string[]): Promise<void> {
    if (this.sought.size >= MOST_LOOKUPS) return;
    for (const hash of hashes) this.sought.add(hash);
    this.seeking ??= this.follower.inTurn(async () => {
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
      this.logger.warn(`last_used_at of keys was not written: ${String(error)}`);
    });
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
}
