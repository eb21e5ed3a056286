import { mkdirSync, writeFileSync } from 'node:fs';
import * as echarts from 'echarts';
import { SERVICE } from './measurements.js';
import { type RunRecord, runOnce, type System } from './run-once.js';
import { SCENARIOS } from './scenarios.js';

const FOLDER = 'docs/balancing';
const ROUTER: System = { kind: 'router', strategy: 'least_request' };

interface Panel {
  readonly title: string;
  readonly record: RunRecord;
}

interface PlotOptions {
  readonly title: string;
  readonly workers: number;
  readonly untilMs: number;
  readonly binMs: number;
  /** When the first worker misbehaves. */
  readonly trouble: readonly (readonly [number, number])[];
}

const WIDTH = 960;
const HEIGHT = 340;
const PANEL_WIDTH = 0.43 * WIDTH;
const FAULTY = '#c62828';
const HEALTHY = '#90a4ae';

const PLOTS: readonly (Omit<PlotOptions, 'workers'> & { readonly letter: string })[] = [
  { letter: 'B', title: 'B, one is 4× slower', untilMs: 300_000, binMs: 10_000, trouble: [[0, 300_000]] },
  { letter: 'D', title: 'D, one fails at once', untilMs: 300_000, binMs: 5000, trouble: [[60_000, 300_000]] },
  {
    letter: 'F',
    title: 'F, one flaps, 10 s up, 10 s down',
    untilMs: 120_000,
    binMs: 2000,
    trouble: Array.from(
      { length: 6 },
      (_, turn) => [turn * 20_000 + 10_000, turn * 20_000 + 20_000] as const,
    ),
  },
  {
    letter: 'H',
    title: 'H, one turns 10× slow, later recovers',
    untilMs: 420_000,
    binMs: 10_000,
    trouble: [[120_000, 240_000]],
  },
];

/** Draws the service beside a plain least-request router. */
export function drawPlots(seed: number): void {
  mkdirSync(FOLDER, { recursive: true });
  for (const { letter, ...options } of PLOTS) {
    const scenario = SCENARIOS.find((one) => one.letter === letter);
    if (scenario === undefined) throw new RangeError(`no scenario ${letter}`);
    const { setup } = scenario;
    const panels = [
      { title: 'least_load in the service', record: runOnce(setup, SERVICE, seed) },
      { title: 'least-request in a plain router', record: runOnce(setup, ROUTER, seed) },
    ];
    writeFileSync(`${FOLDER}/${letter}.svg`, plot(panels, { ...options, workers: setup.workers.length }));
  }
}

/** The requests per second of each worker over time, as SVG with one panel per system. */
function plot(panels: readonly Panel[], options: PlotOptions): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const rates = panels.map(({ record }) => ratesOf(record, options));
  const most = Math.max(...rates.flat(2).map(([, perSecond]) => perSecond));
  const step = most > 20 ? 10 : 2;
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      {
        text: `${options.title}: requests a second given to it (red) and to each of the others`,
        left: 'center',
        top: 4,
        textStyle: { fontSize: 14 },
      },
      ...panels.map(({ title }, at) => ({
        text: title,
        left: leftOf(at) + PANEL_WIDTH / 2,
        top: 34,
        textAlign: 'center',
        textStyle: { fontSize: 12, fontWeight: 'normal' },
      })),
    ],
    grid: panels.map((_, at) => ({ left: leftOf(at), top: 66, width: PANEL_WIDTH, height: 216 })),
    xAxis: panels.map((_, at) => ({
      type: 'value',
      gridIndex: at,
      min: 0,
      max: options.untilMs / 1000,
      name: 'seconds',
      nameLocation: 'middle',
      nameGap: 26,
      splitLine: { show: false },
    })),
    yAxis: panels.map((_, at) => ({
      type: 'value',
      gridIndex: at,
      max: Math.ceil(most / step) * step,
      interval: step,
    })),
    series: rates.flatMap((workers, at) =>
      workers.map((data, worker) => ({
        type: 'line' as const,
        xAxisIndex: at,
        yAxisIndex: at,
        data: data.map(([second, perSecond]) => [second, perSecond]),
        showSymbol: false,
        z: worker === 0 ? 3 : 2,
        lineStyle: { width: worker === 0 ? 2 : 1, color: worker === 0 ? FAULTY : HEALTHY },
        ...(worker === 0 && {
          markArea: {
            silent: true,
            itemStyle: { color: 'rgba(198, 40, 40, 0.08)' },
            data: options.trouble.map(([from, until]) => [{ xAxis: from / 1000 }, { xAxis: until / 1000 }]),
          },
        }),
      })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function leftOf(panel: number): number {
  return 44 + panel * (PANEL_WIDTH + 56);
}

/** The points of the line of each worker. */
function ratesOf({ sent }: RunRecord, { workers, untilMs, binMs }: PlotOptions) {
  const bins = Math.floor(untilMs / binMs);
  const counts = Array.from({ length: workers }, () => Array.from({ length: bins }, () => 0));
  for (const { atMs, worker } of sent) {
    const its = counts[worker];
    const bin = Math.floor(atMs / binMs);
    if (its !== undefined && bin < bins) its[bin] = (its[bin] ?? 0) + 1;
  }
  return counts.map((its) =>
    its.map((count, bin): readonly [number, number] => [
      ((bin + 0.5) * binMs) / 1000,
      (count / binMs) * 1000,
    ]),
  );
}
