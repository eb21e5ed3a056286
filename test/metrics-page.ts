import { readFileSync } from 'node:fs';

export interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly unit: string;
  readonly meaning: string;
}

/** The rows of the tables in docs/metrics.md. */
export function documentedMetrics(): readonly DocumentedMetric[] {
  const rows = readFileSync('docs/metrics.md', 'utf8').matchAll(
    /^\| `(\w+)` +\| (counter|gauge|histogram) +\|([^|]*)\|([^|]*)\|(.*)\|$/gm,
  );
  return [...rows].map(([, name = '', type = '', labels = '', unit = '', meaning = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    unit: unit.trim(),
    meaning: meaning.trim(),
  }));
}
