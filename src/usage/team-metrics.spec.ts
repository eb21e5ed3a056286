import { describe, expect, it } from 'vitest';
import { Metrics } from '../telemetry/metrics.js';
import { TeamMetrics } from './team-metrics.js';
import type { Used } from './used.js';

const HOUR_MS = 3_600_000;

/** The metrics, and their lines without names. */
function teamMetrics() {
  const service = new Metrics();
  const metrics = new TeamMetrics(service);
  const lines = async () => {
    const all: string[] = [];
    for (const family of service.families) all.push(...(await family.lines()));
    return all.map((line) => line.trim());
  };
  return { metrics, lines };
}

const used = (team: string | null, more: Partial<Used> = {}): Used => ({
  keyId: 'a-key-id',
  keyName: 'the-name-of-a-key',
  team,
  model: 'm',
  workerId: null,
  outcome: 'ok',
  input: 10,
  cached: 4,
  output: 2,
  estimated: 0,
  images: 0,
  seconds: 0,
  cost: null,
  currency: null,
  ...more,
});

describe('metrics of teams', () => {
  it('add tokens by team, and cost by currency, and never name a key', async () => {
    const { metrics, lines } = teamMetrics();
    metrics.observe(used('search', { cost: 0.5, currency: 'EUR' }), 1);
    metrics.observe(used('search', { cost: 2, currency: 'USD' }), 1);
    metrics.observe(used(null), 1);
    const page = (await lines()).join('\n');
    expect(page).toContain('mmm_cached_tokens_total{model="m"} 12');
    expect(page).toContain('mmm_tokens_total{team="search",type="input"} 20');
    expect(page).toContain('mmm_tokens_total{team="search",type="cached"} 8');
    expect(page).toContain('mmm_tokens_total{team="",type="output"} 2');
    expect(page).toContain('mmm_cost_total{team="search",currency="EUR"} 0.5');
    expect(page).toContain('mmm_cost_total{team="search",currency="USD"} 2');
    expect(page).not.toMatch(/a-key-id|the-name-of-a-key/);
  });

  it('have series for 100 teams, and one for all others and a team of that name', async () => {
    const { metrics, lines } = teamMetrics();
    metrics.observe(used('other'), 1);
    for (let team = 0; team < 150; team++) metrics.observe(used(`t${team}`), 1);
    const inputs = (await lines()).filter((line) => line.includes('type="input"'));
    expect(inputs).toHaveLength(101);
    expect(new Set(inputs.map((line) => line.replace(/ .*/, ''))).size).toBe(101);
    expect(inputs).toContain('mmm_tokens_total{team="other",type="input"} 510');
  });

  it('give the place of a team that was idle for an hour to one that is active', async () => {
    const { metrics, lines } = teamMetrics();
    for (let team = 0; team < 100; team++) metrics.observe(used(`t${team}`), team === 0 ? 0 : HOUR_MS);
    metrics.observe(used('new'), HOUR_MS);
    const page = (await lines()).join('\n');
    expect(page).toContain('team="new"');
    expect(page).not.toContain('team="t0"');
    expect(page).not.toContain('team="other"');
  });
});
