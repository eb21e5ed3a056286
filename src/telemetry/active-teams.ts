/** Teams with series of their own. */
const MOST_TEAMS = 100;
/** A team that used nothing for so long gives its place to one that does. */
const IDLE_MS = 3_600_000;
const OTHER = 'other';

interface Entry<Use> {
  seenMs: number;
  readonly use: Use;
}

/** What is counted of each team: of the most active ones, and of all others together. Never by key. */
export class ActiveTeams<Use> {
  private readonly teams = new Map<string, Entry<Use>>();
  private other: Entry<Use> | null = null;

  constructor(private readonly make: () => Use) {}

  /** @param team '' of what is in no team */
  of(team: string, nowMs: number): Use {
    const entry = this.entryOf(team, nowMs);
    entry.seenMs = nowMs;
    return entry.use;
  }

  *all(): Generator<readonly [team: string, Use]> {
    for (const [team, { use }] of this.teams) yield [team, use];
    if (this.other !== null) yield [OTHER, this.other.use];
  }

  private entryOf(team: string, nowMs: number): Entry<Use> {
    const known = this.teams.get(team);
    if (known !== undefined) return known;
    // A team of that name would be a second series with the same labels, which Prometheus refuses.
    if (team === OTHER || (this.teams.size >= MOST_TEAMS && !this.dropIdle(nowMs)))
      return (this.other ??= { seenMs: nowMs, use: this.make() });
    const entry = { seenMs: nowMs, use: this.make() };
    this.teams.set(team, entry);
    return entry;
  }

  private dropIdle(nowMs: number): boolean {
    for (const [team, { seenMs }] of this.teams) {
      if (nowMs - seenMs < IDLE_MS) continue;
      this.teams.delete(team);
      return true;
    }
    return false;
  }
}
