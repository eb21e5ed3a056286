import { describe, expect, it } from 'vitest';
import type { SystemName } from './systems.js';
import type { Slice } from './measure.js';
import { markdown, reportOf } from './report.js';

const aSlice = (name: SystemName, given: Partial<Slice> = {}): Slice => ({
  name,
  concurrency: 1,
  cpuUs: name === 'direct' ? null : 100,
  requests: 1000,
  perSecond: 5000,
  p50Ms: 1,
  p99Ms: 2,
  ...given,
});

const measured = (...slices: readonly Slice[]) => [
  { slices, sent: new Map(), rssMiB: new Map<SystemName, number>([['service', 150.4]]) },
];

describe('reportOf', () => {
  it('compares round by round, so that a round that is slow for both has no effect', () => {
    const { ratios } = reportOf(
      measured(
        ...[100, 100, 400].flatMap((cpuUs) => [
          aSlice('bare', { cpuUs }),
          aSlice('service', { cpuUs: cpuUs * 1.2 }),
        ]),
      ),
    );
    const alone = ratios.find(({ concurrency }) => concurrency === 1);
    expect(alone).toMatchObject({ of: 'service', to: 'bare' });
    expect(alone?.cpu?.median).toBeCloseTo(1.2);
  });

  it('takes the rounds of all starts together, and the middle of their memory', () => {
    const startOf = (cpuUs: number, rssMiB: number) => ({
      slices: [aSlice('bare', { cpuUs: 100 }), aSlice('service', { cpuUs })],
      sent: new Map(),
      rssMiB: new Map<SystemName, number>([['service', rssMiB]]),
    });
    const report = reportOf([startOf(90, 200), startOf(110, 230), startOf(140, 210)]);
    expect(report.ratios[0]?.cpu?.median).toBeCloseTo(1.1);
    expect(report.rssMiB).toEqual({ service: 210 });
  });

  it('shows the ratio of each start, and of all CPU time, in which requests of slow rounds count as others do', () => {
    const startOf = (service: number) => ({
      slices: [aSlice('baseline', { cpuUs: 100 }), aSlice('service', { cpuUs: service, requests: 3000 })],
      sent: new Map(),
      rssMiB: new Map<SystemName, number>(),
    });
    const [ratio] = reportOf([startOf(90), startOf(120)]).ratios;
    expect(ratio?.cpuByStart).toEqual([0.9, 1.2]);
    expect(ratio?.allCpu).toBeCloseTo(1.05);
  });

  it('compares a key with limits to the service without them, and both to no direct call', () => {
    const { ratios } = reportOf(
      measured(aSlice('direct'), aSlice('service'), aSlice('limited', { cpuUs: 104 })),
    );
    const [alone] = ratios;
    expect(alone).toMatchObject({ of: 'limited', to: 'service' });
    expect(alone?.cpu?.median).toBeCloseTo(1.04);
  });

  it('shows the latency added to the direct call', () => {
    const { rows } = reportOf(
      measured(aSlice('direct'), aSlice('bare'), aSlice('service', { p50Ms: 1.5, p99Ms: 5 })),
    );
    expect(rows.find(({ name }) => name === 'service')).toMatchObject({ addedP50Ms: 0.5, addedP99Ms: 3 });
  });

  it('compares the service with its baseline if there is one, and never with the direct call', () => {
    const { ratios } = reportOf(
      measured(aSlice('direct'), aSlice('bare'), aSlice('service'), aSlice('baseline', { cpuUs: 200 })),
    );
    const alone = ratios.filter(({ concurrency }) => concurrency === 1);
    expect(alone.map(({ to }) => to)).toEqual(['bare', 'baseline']);
    expect(alone[1]?.cpu?.median).toBe(0.5);
  });
});

describe('markdown', () => {
  const text = markdown(reportOf(measured(aSlice('direct'), aSlice('bare'), aSlice('service'))));

  it('leaves the CPU blank where there is no gateway', () => {
    expect(text).toMatch(/^\| direct +\| +1 \| +– \| +5000 \|/m);
    expect(text).toMatch(/^\| service +\| +1 \| +100\.0 \| .*\| +150 \|$/m);
  });

  it('prints tables whose rows are as wide as their header', () => {
    for (const table of text.split('\n\n')) {
      const widths = new Set(table.split('\n').map((line) => line.length));
      expect(widths.size).toBe(1);
    }
  });
});
