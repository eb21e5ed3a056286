import type { SystemName } from './systems.js';
import { CONCURRENCIES, type Concurrency, type Measured, type Slice } from './measure.js';
import { median, ratios, type Spread } from './statistics.js';

export interface Row {
  readonly name: SystemName;
  readonly concurrency: Concurrency;
  /** Median over the rounds. */
  readonly cpuUs: number | null;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The time added to a direct call of the upstream. */
  readonly addedP50Ms: number;
  readonly addedP99Ms: number;
}

export interface Ratio {
  readonly of: SystemName;
  readonly to: SystemName;
  readonly concurrency: Concurrency;
  readonly cpu: Spread | null;
  /** All CPU time by all requests: with what comes seldom, such as collections of garbage, which a median leaves out. */
  readonly allCpu: number | null;
  /** The medians of each start. */
  readonly cpuByStart: readonly number[];
  readonly perSecond: Spread;
}

export interface Report {
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  readonly rssMiB: Readonly<Record<string, number>>;
}

/** @param measurements one for each start of the processes; their slices are pooled, round by round */
export function reportOf(measurements: readonly Measured[]): Report {
  const starts = measurements.map(({ slices }) => slices);
  const slices = starts.flat();
  const names = [...new Set(slices.map(({ name }) => name))];
  const of = (
    name: SystemName,
    concurrency: Concurrency,
    among: readonly Slice[] = slices,
  ): readonly Slice[] => among.filter((slice) => slice.name === name && slice.concurrency === concurrency);
  return {
    rows: CONCURRENCIES.flatMap((concurrency) =>
      names.map((name) => rowOf(of(name, concurrency), of('direct', concurrency), name, concurrency)),
    ),
    ratios: CONCURRENCIES.flatMap((concurrency) =>
      pairs(names).map((pair) =>
        ratioOf(
          starts.map((each) => [of(pair.of, concurrency, each), of(pair.to, concurrency, each)] as const),
          pair,
          concurrency,
        ),
      ),
    ),
    rssMiB: Object.fromEntries(
      names
        .map((name) => [name, measurements.flatMap(({ rssMiB }) => rssMiB.get(name) ?? [])] as const)
        .filter(([, values]) => values.length > 0)
        .map(([name, values]) => [name, median(values)]),
    ),
  };
}

type Pair = Pick<Ratio, 'of' | 'to'>;

function pairs(names: readonly SystemName[]): readonly Pair[] {
  return names.flatMap((name): readonly Pair[] => {
    if (name === 'direct' || name === 'service') return [];
    if (name !== 'limited') return [{ of: 'service', to: name }];
    return (['service', 'bare'] as const).filter((to) => names.includes(to)).map((to) => ({ of: name, to }));
  });
}

function rowOf(
  own: readonly Slice[],
  direct: readonly Slice[],
  name: SystemName,
  concurrency: Concurrency,
): Row {
  const p50Ms = median(own.map((slice) => slice.p50Ms));
  const p99Ms = median(own.map((slice) => slice.p99Ms));
  const cpuUs = cpuOf(own);
  return {
    name,
    concurrency,
    cpuUs: cpuUs === null ? null : median(cpuUs),
    perSecond: median(own.map((slice) => slice.perSecond)),
    p50Ms,
    p99Ms,
    addedP50Ms: p50Ms - median(direct.map((slice) => slice.p50Ms)),
    addedP99Ms: p99Ms - median(direct.map((slice) => slice.p99Ms)),
  };
}

/** @param starts the slices of both in each start */
function ratioOf(
  starts: readonly (readonly [readonly Slice[], readonly Slice[]])[],
  pair: Pair,
  concurrency: Concurrency,
): Ratio {
  const own = starts.flatMap(([first]) => first);
  const others = starts.flatMap(([, second]) => second);
  const cpu = cpuRatios(own, others);
  return {
    ...pair,
    concurrency,
    cpu,
    allCpu: cpu === null ? null : allCpuOf(own) / allCpuOf(others),
    cpuByStart: starts.flatMap(([first, second]) => cpuRatios(first, second)?.median ?? []),
    perSecond: ratios(
      own.map((slice) => slice.perSecond),
      others.map((slice) => slice.perSecond),
    ),
  };
}

function cpuRatios(own: readonly Slice[], others: readonly Slice[]): Spread | null {
  const a = cpuOf(own);
  const b = cpuOf(others);
  return a === null || b === null ? null : ratios(a, b);
}

/** µs by a request. */
function allCpuOf(slices: readonly Slice[]): number {
  const [cpuUs, requests] = slices.reduce(
    ([sum, count], slice) => [sum + (slice.cpuUs ?? 0) * slice.requests, count + slice.requests],
    [0, 0],
  );
  return cpuUs / requests;
}

function cpuOf(slices: readonly Slice[]): readonly number[] | null {
  const figures = slices.flatMap(({ cpuUs }) => (cpuUs === null ? [] : [cpuUs]));
  return figures.length === 0 ? null : figures;
}

/** Two Markdown tables: the figures, and the ratios, which are steadier. */
export function markdown({ rows, ratios: compared, rssMiB }: Report): string {
  const figures = rows.map(({ name, concurrency, cpuUs, ...row }) => [
    name,
    String(concurrency),
    cpuUs === null ? '–' : cpuUs.toFixed(1),
    row.perSecond.toFixed(0),
    row.p50Ms.toFixed(3),
    row.p99Ms.toFixed(2),
    name === 'direct' ? '–' : row.addedP50Ms.toFixed(3),
    name === 'direct' ? '–' : row.addedP99Ms.toFixed(2),
    rssMiB[name]?.toFixed(0) ?? '–',
  ]);
  const figureHead = [
    'through',
    'at once',
    'CPU µs a request',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'added p50 ms',
    'added p99 ms',
    'RSS MiB after',
  ];
  const ratioRows = compared.map(({ of, to, concurrency, cpu, allCpu, cpuByStart, perSecond }) => [
    `${of} ÷ ${to}`,
    String(concurrency),
    cpu === null ? '–' : spreadText(cpu),
    allCpu?.toFixed(3) ?? '–',
    cpuByStart.map((ratio) => ratio.toFixed(2)).join(' '),
    spreadText(perSecond),
  ]);
  const ratioHead = ['ratio', 'at once', 'CPU a request', 'all together', 'by start', 'requests/s'];
  return `${table(figureHead, figures)}\n\n${table(ratioHead, ratioRows)}`;
}

function spreadText({ median: middle, from, to }: Spread): string {
  return `${middle.toFixed(3)} (${from.toFixed(2)} to ${to.toFixed(2)})`;
}

/** Padded, so that it reads well in a terminal. The first column is text, the others are figures. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
