import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Holder, judgePostmasterPid, parsePostmasterPid } from './postmaster-pid.js';

const living = fc.constantFrom<Holder>('a postgres of this folder', 'out of sight');
const dead = fc.constantFrom<Holder>('gone', 'zombie', 'something else');
const anyHolder = fc.oneof(living, dead);
const anyFile = fc.oneof(
  fc.constant('illegible' as const),
  fc.record({
    pid: fc.integer({ min: 1 }),
    status: fc.constantFrom('', 'starting', 'ready', 'stopping', 'standby'),
  }),
);
const anyWaitMs = fc.integer({ min: 0, max: 1_000_000 });

describe('judgePostmasterPid', () => {
  it('never lets a start proceed beside a running server', () => {
    fc.assert(
      fc.property(anyFile, living, anyWaitMs, (file, holder, waitedMs) => {
        expect(['wait', 'in use']).toContain(judgePostmasterPid(file, holder, waitedMs));
      }),
    );
  });

  it('always ends, whatever it finds', () => {
    fc.assert(
      fc.property(anyFile, anyHolder, (file, holder) => {
        expect(judgePostmasterPid(file, holder, 30_000)).not.toBe('wait');
      }),
    );
  });

  it('never gives up because of a dead server', () => {
    fc.assert(
      fc.property(anyFile, dead, anyWaitMs, (file, holder, waitedMs) => {
        expect(judgePostmasterPid(file, holder, waitedMs)).not.toBe('in use');
      }),
    );
  });

  it.each<[Holder, string, number, string]>([
    ['gone', 'ready', 0, 'go ahead'],
    ['something else', 'ready', 0, 'remove the file'],
    ['zombie', 'stopping', 0, 'wait'],
    ['zombie', 'stopping', 3_000, 'remove the file'],
    ['out of sight', 'ready', 2_999, 'wait'],
    ['out of sight', 'ready', 3_000, 'in use'],
    ['a postgres of this folder', 'ready', 2_999, 'wait'],
    ['a postgres of this folder', 'ready', 3_000, 'in use'],
    ['a postgres of this folder', 'stopping', 3_000, 'wait'],
  ])('decides for %s with status %s after %i ms: %s', (holder, status, waitedMs, verdict) => {
    expect(judgePostmasterPid({ pid: 7, status }, holder, waitedMs)).toBe(verdict);
  });
});

describe('parsePostmasterPid', () => {
  it('reads the pid and the state from the file of PostgreSQL', () => {
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
