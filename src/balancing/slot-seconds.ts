import { PRIORITIES, type Priority } from '../config/balancing-settings.js';
import { ActiveTeams } from '../telemetry/active-teams.js';
import { type Family, labelText, sample } from '../telemetry/exposition.js';
import { teamOf } from './admission/tenant.js';

/** Milliseconds by class. */
type Used = Record<Priority, number>;

/** How long the requests of each team have used slots of one model. */
export class SlotTime {
  private readonly teams = new ActiveTeams<Used>(() => ({ interactive: 0, default: 0, bulk: 0 }));

  /** A request of the tenant has left its worker, however it ended. */
  add(tenantName: string, priority: Priority, ms: number, nowMs: number): void {
    this.teams.of(teamOf(tenantName), nowMs)[priority] += ms;
  }

  /** Of what has used any. */
  *seconds(): Generator<readonly [team: string, priority: Priority, seconds: number]> {
    for (const [team, used] of this.teams.all())
      for (const priority of PRIORITIES)
        if (used[priority] > 0) yield [team, priority, used[priority] / 1000];
  }
}

const NAME = 'mmm_slot_seconds_total';
const LABELS = ['model', 'team', 'priority'] as const;

/** By model. */
export function slotSeconds(models: () => Iterable<readonly [model: string, SlotTime]>): Family {
  return {
    name: NAME,
    help: 'How long requests ran at workers, by team and class, counted when they leave; of no team with an empty name.',
    type: 'counter',
    labelNames: LABELS,
    *lines() {
      for (const [model, time] of models())
        for (const [team, priority, seconds] of time.seconds())
          yield sample(NAME, labelText(LABELS, { model, team, priority }), seconds);
    },
  };
}
