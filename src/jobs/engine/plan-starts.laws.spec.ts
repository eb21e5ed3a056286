import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRIORITIES, rankOf } from '../../config/balancing-settings.js';
import { planStarts, type StartWorker, turnsOf, type WaitingJob } from './plan-starts.js';

const WORKERS = ['w1', 'w2', 'w3', 'w4'];
/** Two keys, one of which acts for a team, too. */
const KEYS = ['a', 'b', 'b team'];
const ids = fc.subarray(WORKERS);

const worker = (id: string) =>
  fc.record({
    id: fc.constant(id),
    priority: fc.integer({ min: 0, max: 2 }),
    weight: fc.integer({ min: 1, max: 5 }),
    room: fc.integer({ min: 0, max: 6 }),
    active: fc.integer({ min: 0, max: 6 }),
    isSuspect: fc.boolean(),
  });
const workers: fc.Arbitrary<StartWorker[]> = fc
  .subarray(WORKERS)
  .chain((some) => fc.tuple(...some.map((id) => worker(id))) as unknown as fc.Arbitrary<StartWorker[]>);
const waiting: fc.Arbitrary<WaitingJob[]> = fc
  .array(
    fc.record({
      owner: fc.constantFrom(
        { ownerKey: 'a', tenant: '' },
        { ownerKey: 'b', tenant: '' },
        { ownerKey: 'b', tenant: 'team' },
      ),
      priority: fc.constantFrom(...PRIORITIES),
      unable: ids,
      tried: ids,
    }),
    { maxLength: 40 },
  )
  .map((jobs) =>
    jobs
      .toSorted((one, other) => rankOf(one.priority) - rankOf(other.priority))
      .map(({ owner, ...job }, index) => ({ ...job, ...owner, id: `j${index}` })),
  );
/** Never in time for the floor of bulk, and always. */
const LATE = (): number => 1;
const FLOOR = (): number => 0;
const active = fc
  .record({ a: fc.nat({ max: 9 }), b: fc.nat({ max: 9 }), 'b team': fc.nat({ max: 9 }) })
  .map((counts) => new Map(Object.entries(counts)));
const most = fc.integer({ min: 0, max: 30 });

describe('the plan of starts', () => {
  it('gives no worker more than it has room for, starts no job twice, and no more than it may', () => {
    fc.assert(
      fc.property(waiting, workers, active, most, (jobs, pool, counts, limit) => {
        const starts = planStarts(jobs, pool, counts, limit, LATE);
        expect(starts.length).toBeLessThanOrEqual(limit);
        expect(new Set(starts.map(({ jobId }) => jobId)).size).toBe(starts.length);
        for (const { id, room } of pool)
          expect(starts.filter(({ workerId }) => workerId === id).length).toBeLessThanOrEqual(room);
      }),
    );
  });

  it('gives a job only to a worker that can express it, and to a tried one only where no other has room', () => {
    fc.assert(
      fc.property(waiting, workers, active, most, (jobs, pool, counts, limit) => {
        const left = new Map(pool.map(({ id, room }) => [id, room]));
        const byId = new Map(jobs.map((job) => [job.id, job]));
        for (const { jobId, workerId } of planStarts(jobs, pool, counts, limit, LATE)) {
          const job = byId.get(jobId);
          expect(job?.unable).not.toContain(workerId);
          const fresh = pool.filter(
            ({ id }) =>
              (left.get(id) ?? 0) > 0 && job?.unable.includes(id) === false && !job.tried.includes(id),
          );
          const wasTried = job?.tried.includes(workerId) === true;
          expect(wasTried ? fresh : []).toEqual([]);
          left.set(workerId, (left.get(workerId) ?? 0) - 1);
        }
      }),
    );
  });

  it('leaves no room empty while a job waits that could use it', () => {
    fc.assert(
      fc.property(waiting, workers, active, (jobs, pool, counts) => {
        const starts = planStarts(jobs, pool, counts, Infinity, LATE);
        const started = new Set(starts.map(({ jobId }) => jobId));
        const withRoom = pool.filter(
          ({ id, room }) => starts.filter(({ workerId }) => workerId === id).length < room,
        );
        const left = jobs.filter(({ id }) => !started.has(id));
        expect(left.filter(({ unable }) => withRoom.some(({ id }) => !unable.includes(id)))).toEqual([]);
      }),
    );
  });

  it('lets no key and no team of a key get ahead: one with more jobs gets the next place only if those with fewer have none that can start', () => {
    const plain = waiting.map((jobs) =>
      jobs.map((job) => ({ ...job, priority: 'default' as const, unable: [], tried: [] })),
    );
    fc.assert(
      fc.property(plain, workers, active, most, (jobs, pool, counts, limit) => {
        const now = new Map(counts);
        const left = new Map(KEYS.map((key) => [key, jobs.filter((job) => turnsOf(job) === key).length]));
        const ownerOf = new Map(jobs.map((job) => [job.id, turnsOf(job)]));
        for (const { jobId } of planStarts(jobs, pool, counts, limit, LATE)) {
          const key = ownerOf.get(jobId) ?? '';
          const hungry = KEYS.filter((other) => (left.get(other) ?? 0) > 0);
          const least = Math.min(...hungry.map((other) => now.get(other) ?? 0));
          expect(now.get(key)).toBe(least);
          now.set(key, (now.get(key) ?? 0) + 1);
          left.set(key, (left.get(key) ?? 0) - 1);
        }
      }),
    );
  });

  it('keeps the order of a key: of two jobs that the same workers can take, the higher class and then the older starts first', () => {
    fc.assert(
      fc.property(waiting, workers, active, most, (jobs, pool, counts, limit) => {
        const plain = jobs.map((job) => ({ ...job, unable: [] }));
        const started = planStarts(plain, pool, counts, limit, LATE).map(({ jobId }) =>
          Number(jobId.slice(1)),
        );
        for (const key of KEYS) {
          const own = started.filter((index) => {
            const job = plain[index];
            return job !== undefined && turnsOf(job) === key;
          });
          expect(own).toEqual(own.toSorted((one, other) => one - other));
        }
      }),
    );
  });

  it('starts bulk after all others that could start, whatever its key has running; in a turn of its floor before them', () => {
    fc.assert(
      fc.property(waiting, workers, active, most, (jobs, pool, counts, limit) => {
        const plain = jobs.map((job) => ({ ...job, unable: [] }));
        const bulk = new Set(plain.filter(({ priority }) => priority === 'bulk').map(({ id }) => id));
        const isBulk = (random: () => number) =>
          planStarts(plain, pool, counts, limit, random).map(({ jobId }) => bulk.has(jobId));
        const late = isBulk(LATE);
        expect(late).toEqual(late.toSorted((one, other) => Number(one) - Number(other)));
        const owed = isBulk(FLOOR);
        expect(owed).toEqual(owed.toSorted((one, other) => Number(other) - Number(one)));
      }),
    );
  });

  it('uses the lowest priority number that has room', () => {
    const job: WaitingJob = { id: 'j', ownerKey: '', tenant: '', priority: 'default', unable: [], tried: [] };
    const at = (id: string, priority: number, room: number): StartWorker => ({
      id,
      priority,
      room,
      weight: 1,
      active: 0,
      isSuspect: false,
    });
    expect(planStarts([job], [at('w1', 1, 1), at('w2', 0, 1)], new Map(), 1, LATE)).toEqual([
      { jobId: 'j', workerId: 'w2' },
    ]);
    expect(planStarts([job], [at('w1', 1, 1), at('w2', 0, 0)], new Map(), 1, LATE)).toEqual([
      { jobId: 'j', workerId: 'w1' },
    ]);
  });

  it('divides jobs by weight', () => {
    const jobs = Array.from({ length: 30 }, (_, index) => ({
      id: `j${index}`,
      ownerKey: '',
      tenant: '',
      priority: 'default' as const,
      unable: [],
      tried: [],
    }));
    const pool = [1, 2].map((weight) => ({
      id: `w${weight}`,
      weight,
      priority: 0,
      room: 100,
      active: 0,
      isSuspect: false,
    }));
    const starts = planStarts(jobs, pool, new Map(), 30, LATE);
    expect(starts.filter(({ workerId }) => workerId === 'w2')).toHaveLength(20);
  });
});
