import { Injectable } from '@nestjs/common';
import { type Family, labelText, sample } from '../telemetry/exposition.js';
import { Metrics } from '../telemetry/metrics.js';
import type { Used } from './used.js';

/** Teams with series of their own. */
const MOST_TEAMS = 100;
/** A team that used nothing for so long gives its place to one that does. */
const IDLE_MS = 3_600_000;
const OTHER = 'other';

interface TeamUse {
  seenMs: number;
  input: number;
  cached: number;
  output: number;
  readonly costs: Map<string, number>;
}

/**
 * Tokens and cost by team: of the most active ones, and of all others together. Never by key. Cached tokens also by model,
 * for the hit rate of its workers' caches.
 */
@Injectable()
export class TeamMetrics {
  private readonly teams = new Map<string, TeamUse>();
  private readonly other = newUse(-1);
  private readonly cachedOfModels;

  constructor(metrics: Metrics) {
    metrics.add(
      this.family(
        'mmm_tokens_total',
        'Tokens by team and type (input, cached, output); cached ones are part of the input. Those of no team have an empty name.',
        'type',
        ({ input, cached, output }) => [
          ['input', input],
          ['cached', cached],
          ['output', output],
        ],
      ),
    );
    metrics.add(
      this.family(
        'mmm_cost_total',
        'Cost by team and currency, by the prices of models.',
        'currency',
        (use) => use.costs,
      ),
    );
    this.cachedOfModels = metrics.counter(
      'mmm_cached_tokens_total',
      'Input tokens that workers report to have read from their cache of earlier prompts.',
      ['model'],
    );
  }

  observe({ team, model, input, cached, output, cost, currency }: Used, nowMs = performance.now()): void {
    const use = this.useOf(team ?? '', nowMs);
    use.seenMs = nowMs;
    use.input += input;
    use.cached += cached;
    if (model !== null && cached > 0) this.cachedOfModels.of({ model }).add(cached);
    use.output += output;
    if (cost !== null && currency !== null) use.costs.set(currency, (use.costs.get(currency) ?? 0) + cost);
  }

  private useOf(team: string, nowMs: number): TeamUse {
    // A team of that name would be a second series with the same labels, which Prometheus refuses.
    if (team === OTHER) return this.other;
    const known = this.teams.get(team);
    if (known !== undefined) return known;
    if (this.teams.size >= MOST_TEAMS && !this.dropIdle(nowMs)) return this.other;
    const use = newUse(nowMs);
    this.teams.set(team, use);
    return use;
  }

  private dropIdle(nowMs: number): boolean {
    for (const [team, { seenMs }] of this.teams) {
      if (nowMs - seenMs < IDLE_MS) continue;
      this.teams.delete(team);
      return true;
    }
    return false;
  }

  private family(
    name: string,
    help: string,
    label: string,
    read: (use: TeamUse) => Iterable<readonly [string, number]>,
  ): Family {
    const labelNames = ['team', label];
    const all = () => [...this.teams, ...(this.other.seenMs >= 0 ? [[OTHER, this.other] as const] : [])];
    return {
      name,
      help,
      type: 'counter',
      labelNames,
      *lines() {
        for (const [team, use] of all())
          for (const [value, count] of read(use))
            yield sample(name, labelText(labelNames, { team, [label]: value }), count);
      },
    };
  }
}

function newUse(seenMs: number): TeamUse {
  return { seenMs, input: 0, cached: 0, output: 0, costs: new Map() };
}
