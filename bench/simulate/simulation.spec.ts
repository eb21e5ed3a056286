import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/seeded-random.js';
import { isMet } from './bars.js';
import { measure, SERVICE } from './measurements.js';
import { runOnce } from './run-once.js';
import { slotTimeShare } from './measures.js';
import { SCENARIOS } from './scenarios.js';
import { SLOT_SCENARIOS } from './slot-scenarios.js';
import { mergedTable } from './table.js';
import { arrive } from './traffic.js';
import { type CallResult, SimulatedWorker, HEALTHY } from './simulated-worker.js';
import { VirtualTime } from './virtual-time.js';

describe('virtual time', () => {
  it('runs events in order of time, and simultaneous ones in the order of their creation', () => {
    const time = new VirtualTime();
    const random = seededRandom(1);
    const ran: [number, number][] = [];
    for (let order = 0; order < 500; order++) {
      const atMs = Math.floor(random() * 50);
      time.at(atMs, () => ran.push([time.nowMs(), order]));
    }
    time.runUntil(100);
    expect(ran).toEqual(ran.toSorted(([one, first], [other, second]) => one - other || first - second));
    expect(ran).toHaveLength(500);
    expect(time.nowMs()).toBe(100);
  });

  it('skips cancelled events and leaves later ones for later', () => {
    const time = new VirtualTime();
    const ran: string[] = [];
    time.after(10, () => ran.push('cancelled'))();
    time.after(10, () => time.after(5, () => ran.push('nested')));
    time.after(1000, () => ran.push('later'));
    time.runUntil(20);
    expect(ran).toEqual(['nested']);
  });
});

describe('a simulated worker', () => {
  const run = (
    phases: ConstructorParameters<typeof SimulatedWorker>[2],
    works: readonly number[],
    patienceMs = Infinity,
  ) => {
    const time = new VirtualTime();
    const upstream = new SimulatedWorker(time, 2, phases, seededRandom(1), patienceMs);
    const endings: [CallResult, number][] = [];
    for (const workMs of works) upstream.send(workMs, (ending) => endings.push([ending, time.nowMs()]));
    time.runUntil(100_000);
    return endings;
  };

  it('serves as many requests at once as it has slots, and the others in order', () => {
    expect(run([], [100, 300, 100])).toEqual([
      ['served', 100],
      ['served', 200],
      ['served', 300],
    ]);
  });

  it('does the remaining work at the new speed when its speed changes', () => {
    const phases = [{ fromMs: 50, behaviour: { ...HEALTHY, relativeLatency: 4 } }];
    expect(run(phases, [100])).toEqual([['served', 250]]);
  });

  it('cuts off running requests when it dies, and lets them time out when it hangs', () => {
    expect(run([{ fromMs: 50, behaviour: { ...HEALTHY, fault: 'refused' } }], [100, 100, 100])).toEqual(
      Array.from({ length: 3 }, () => ['cut_off', 50]),
    );
    expect(run([{ fromMs: 50, behaviour: { ...HEALTHY, relativeLatency: Infinity } }], [100], 1000)).toEqual([
      ['timeout', 1050],
    ]);
  });
});

describe('the traffic', () => {
  it('has the given rate, and a second of work on average', () => {
    const time = new VirtualTime();
    let count = 0;
    let workMs = 0;
    arrive(time, seededRandom(4), { perSecond: 50, untilMs: 1_000_000, replicas: 3 }, (request) => {
      count += 1;
      workMs += request.workMs;
    });
    time.runUntil(1_000_000);
    expect(count / 1000).toBeCloseTo(50, -0.5);
    expect(workMs / count / 1000).toBeCloseTo(1, 1);
  });
});

describe('the simulation', () => {
  const light = SCENARIOS.find(({ letter }) => letter === 'L');
  if (light === undefined) throw new Error('no scenario L');

  it('is the same for the same seed and differs for another', () => {
    const once = runOnce(light.setup, SERVICE, 1);
    expect(runOnce(light.setup, SERVICE, 1)).toEqual(once);
    expect(runOnce(light.setup, SERVICE, 2).sent).not.toEqual(once.sent);
  });

  it('sends the same requests to every system', () => {
    const arrivals = [
      SERVICE,
      { kind: 'oracle' } as const,
      { kind: 'router', strategy: 'random' } as const,
    ].map((system) =>
      runOnce(light.setup, system, 1)
        .served.map(({ arrivedMs }) => arrivedMs)
        .toSorted((one, other) => one - other),
    );
    expect(arrivals[1]).toEqual(arrivals[0]);
    expect(arrivals[2]).toEqual(arrivals[0]);
  });

  it('shows that a plain round robin router misses a bar that the service meets', () => {
    const [figure] = measure(light, SERVICE, ['round_robin'], [1]);
    if (figure === undefined) throw new Error('no figure');
    expect(figure.service.every((value) => isMet(figure.bar, value))).toBe(true);
    expect(isMet(figure.bar, figure.routers.get('round_robin') ?? 0)).toBe(false);
  });

  it('counts at most the slots that there are as used, however long the answers are', () => {
    const [few] = SLOT_SCENARIOS.filter(({ title }) => title.includes(', 3 slots in all'));
    if (few === undefined) throw new Error('no scenario of few slots');
    const record = runOnce({ ...few.setup, untilMs: 60_000 }, SERVICE, 1);
    for (let fromMs = 0; fromMs < 60_000; fromMs += 5_000)
      expect(slotTimeShare(record, 3, fromMs, fromMs + 5_000)).toBeLessThanOrEqual(1);
    expect(slotTimeShare(record, 3, 30_000, 60_000)).toBeGreaterThan(0.9);
  });

  it('replaces the rows of some scenarios in a table and keeps the others', () => {
    const table = [
      '|     | scenario | seed 1 |',
      '| --- | -------- | ------ |',
      '| P   | one      | 1      |',
      '|     | two      | 2      |',
      '| Q   | three    | 3      |',
      '| P   | four     | 4      |',
    ].join('\n');
    const fresh = [
      ...table.split('\n').slice(0, 2),
      '| P   | two      | 20     |',
      '|     | new      | 5      |',
      '|     | four     | 40     |',
    ].join('\n');
    expect(mergedTable(table, fresh).split('\n').slice(2)).toEqual([
      '| P   | one      | 1      |',
      '|     | two      | 20     |',
      '|     | new      | 5      |',
      '| Q   | three    | 3      |',
      '| P   | four     | 40     |',
    ]);
  });

  it('meets no bar with NaN', () => {
    const all = SCENARIOS.flatMap(({ bars }) => bars);
    expect(all.some((bar) => isMet(bar, Number.NaN))).toBe(false);
  });
});
