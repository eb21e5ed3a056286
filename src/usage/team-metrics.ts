import { Injectable } from '@nestjs/common';
import { ActiveTeams } from '../telemetry/active-teams.js';
import { type Family, labelText, sample } from '../telemetry/exposition.js';
import { Metrics } from '../telemetry/metrics.js';
import type { Used } from './used.js';

interface TeamUse {
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
  private readonly teams = new ActiveTeams<TeamUse>(newUse);
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
    const use = this.teams.of(team ?? '', nowMs);
    use.input += input;
    use.cached += cached;
    if (model !== null && cached > 0) this.cachedOfModels.of({ model }).add(cached);
    use.output += output;
    if (cost !== null && currency !== null) use.costs.set(currency, (use.costs.get(currency) ?? 0) + cost);
  }

  private family(
    name: string,
    help: string,
    label: string,
    read: (use: TeamUse) => Iterable<readonly [string, number]>,
  ): Family {
    const labelNames = ['team', label];
    const { teams } = this;
    return {
      name,
      help,
      type: 'counter',
      labelNames,
      *lines() {
        for (const [team, use] of teams.all())
          for (const [value, count] of read(use))
            yield sample(name, labelText(labelNames, { team, [label]: value }), count);
      },
    };
  }
}

function newUse(): TeamUse {
  return { input: 0, cached: 0, output: 0, costs: new Map() };
}
