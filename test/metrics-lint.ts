/** A metric as a scrape shows it. */
export interface ExposedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** Names and their base unit, as promtool knows them. */
const UNITS: Readonly<Record<string, string>> = {
  milliseconds: 'seconds',
  microseconds: 'seconds',
  nanoseconds: 'seconds',
  minutes: 'seconds',
  hours: 'seconds',
  days: 'seconds',
  kilobytes: 'bytes',
  kibibytes: 'bytes',
  megabytes: 'bytes',
  mebibytes: 'bytes',
  gigabytes: 'bytes',
  bits: 'bytes',
  percent: 'ratio',
};
const ABBREVIATIONS = new Set('s ms us ns sec b kb mb gb tb pb m h d'.split(' '));

/** The rules of `promtool check metrics` [github.com/prometheus/client_golang, prometheus/testutil/promlint]. */
export function lint({ name, help, type, labelNames }: ExposedMetric): readonly string[] {
  const words = name.split('_');
  const faults: [boolean, string][] = [
    [help.trim() === '', 'no help text'],
    [type === 'counter' && !name.endsWith('_total'), 'counter metrics should have "_total" suffix'],
    [type !== 'counter' && name.endsWith('_total'), 'non-counter metrics should not have "_total" suffix'],
    [
      type !== 'histogram' && /_(bucket|count|sum)$/.test(name),
      'non-histogram metrics should not have the suffix of a histogram',
    ],
    [labelNames.some((label) => label === 'le' || label === 'quantile'), 'a label is reserved'],
    [words.some((word) => word === type), 'metric name should not include its type'],
    [name.includes(':'), 'metric names should not contain ":"'],
    [/[a-z][A-Z]/.test([name, ...labelNames].join(' ')), 'names should be snake_case, not camelCase'],
    [words.some((word) => ABBREVIATIONS.has(word)), 'metric names should not contain abbreviated units'],
    ...words
      .filter((word) => word in UNITS)
      .map((word): [boolean, string] => [true, `use base unit "${UNITS[word]}" instead of "${word}"`]),
  ];
  return faults.filter(([isFault]) => isFault).map(([, fault]) => `${name}: ${fault}`);
}

/** The metrics of a scrape, strictly: a sample without HELP and TYPE, or of another metric, is a fault. */
export function exposedMetrics(exposition: string): readonly ExposedMetric[] {
  const metrics = new Map<string, { help: string; type: string; labels: Set<string> }>();
  let current = '';
  for (const line of exposition.split('\n').filter((text) => text !== '')) {
    const [, kind = '', name = '', rest = ''] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (metrics.has(name)) throw new Error(`${name} comes twice`);
      metrics.set((current = name), { help: rest, type: '', labels: new Set() });
      continue;
    }
    const metric = metrics.get(current);
    if (kind === 'TYPE' && metric !== undefined && name === current) metric.type = rest;
    else if (metric === undefined || metric.type === '' || !ofMetric(line, current, metric.type))
      throw new Error(`unexpected line: ${line}`);
    else for (const [, label = ''] of line.matchAll(/[{,](\w+)="/g)) metric.labels.add(label);
  }
  return [...metrics].map(([name, { help, type, labels }]) => ({
    name,
    help,
    type,
    labelNames: [...labels].filter((label) => type !== 'histogram' || label !== 'le'),
  }));
}

function ofMetric(line: string, name: string, type: string): boolean {
  const of = /^\w+/.exec(line)?.[0] ?? '';
  return type === 'histogram' || type === 'summary'
    ? [`${name}_bucket`, `${name}_sum`, `${name}_count`, name].includes(of)
    : of === name;
}
