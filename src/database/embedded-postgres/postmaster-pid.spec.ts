import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Holder, judgePostmasterPid, parsePostmasterPid } from './postmaster-pid.js';

const anyHolder = fc.constantFrom<Holder>('gone', 'zombie', 'a postgres of this folder', 'something else');
const anyFile = fc.oneof(
  fc.constant('illegible' as const),
  fc.record({
    pid: fc.integer({ min: 1 }),
    status: fc.constantFrom('', 'starting', 'ready', 'stopping', 'standby'),
  }),
);
const anyWaitMs = fc.integer({ min: 0, max: 1_000_000 });

describe('judgePostmasterPid', () => {
  it('never lets a start proceed beside a living server of the folder', () => {
    fc.assert(
      fc.property(anyFile, anyWaitMs, (file, waitedMs) => {
        fc.pre(file !== 'illegible');
        expect(['wait', 'in use']).toContain(judgePostmasterPid(file, 'a postgres of this folder', waitedMs));
      }),
    );
  });

  it('comes to an end whatever it finds', () => {
    fc.assert(
      fc.property(anyFile, anyHolder, (file, holder) => {
        expect(judgePostmasterPid(file, holder, 30_000)).not.toBe('wait');
      }),
    );
  });

  it('gives up only what it found nobody to hold', () => {
    fc.assert(
      fc.property(anyFile, anyHolder, anyWaitMs, (file, holder, waitedMs) => {
        const inUse = judgePostmasterPid(file, holder, waitedMs) === 'in use';
        expect(inUse && (file === 'illegible' || holder !== 'a postgres of this folder')).toBe(false);
      }),
    );
  });

  it.each<[Holder, string, number, string]>([
    ['gone', 'ready', 0, 'go ahead'],
    ['something else', 'ready', 0, 'remove the file'],
    ['zombie', 'stopping', 0, 'wait'],
    ['zombie', 'stopping', 3_000, 'remove the file'],
    ['a postgres of this folder', 'ready', 2_999, 'wait'],
    ['a postgres of this folder', 'ready', 3_000, 'in use'],
    ['a postgres of this folder', 'stopping', 3_000, 'wait'],
  ])('%s, said to be %s, after %i ms: %s', (holder, status, waitedMs, verdict) => {
    expect(judgePostmasterPid({ pid: 7, status }, holder, waitedMs)).toBe(verdict);
  });
});

describe('parsePostmasterPid', () => {
  it('reads the pid and the state out of what PostgreSQL writes', () => {
    const text = '4711\n/data\n1763852400\n5432\n/data/..\n\n 12345 6\nready   \n';
    expect(parsePostmasterPid(text)).toEqual({ pid: 4711, status: 'ready' });
  });

  it('finds a pid or nothing in any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = parsePostmasterPid(text);
        expect(read === 'illegible' || read.pid > 0).toBe(true);
      }),
    );
  });

  it.each(['', '\n', '0\n', '-4711\n', 'soon\n'])('finds no pid in %j', (text) => {
    expect(parsePostmasterPid(text)).toBe('illegible');
  });
});
