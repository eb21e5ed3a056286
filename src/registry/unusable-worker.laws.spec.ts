import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFailure } from '../health/probe/probe-connection.js';
import { countReasons, unusableReason } from './unusable-worker.js';

const HOST = 'gpu-7.internal:8000';
const CALL = { fault: 'none', setting: null };

function reasonOf(healthReason: string): string | null {
  const worker = { adminState: 'enabled', health: 'unhealthy', healthReason } as const;
  // Only whether there is a fault is read of the call.
  return unusableReason({ ...worker, call: {} as never });
}

function refusal(code: string): string {
  const error = Object.assign(new Error(`connect ${code} 10.0.0.7:8000`), { code, syscall: 'connect' });
  return `3 probes in a row failed: ${describeFailure(error, HOST)}`;
}

describe('the reason that clients get for a worker that may not be used', () => {
  it.each([
    [refusal('ECONNREFUSED'), 'connection refused'],
    [refusal('ENOTFOUND'), 'its host name does not resolve'],
    [refusal('EHOSTUNREACH'), 'its host cannot be reached'],
    [refusal('ETIMEDOUT'), 'it accepts no connection'],
    [refusal('ECONNRESET'), 'its connections break'],
    [`${HOST} did not complete GET /health within 2000 ms`, 'its probes get no answer in time'],
    ['a probe failed: GET /health answered 503 in 4 ms', 'its probes get HTTP 503'],
    [
      'answers again, not often enough yet: GET /health answered 200 in 4 ms',
      'answers again, not often enough yet',
    ],
  ])('names the cause of %j', (reason, cause) => {
    expect(reasonOf(reason)).toBe(`unhealthy (${cause})`);
  });

  it('never repeats an address or a text of an upstream', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('refused', 'answered', 'ECONNREFUSED', ''), (text, word) => {
        const reason = reasonOf(`${word} 10.9.8.7 ${text} secret-of-upstream`);
        expect(reason).not.toContain('10.9.8.7');
        expect(reason).not.toContain('secret-of-upstream');
      }),
    );
    expect(reasonOf('taken out by hand for rack 7')).toBe('unhealthy');
  });

  it('is the state that an operator chose, or the definition, before the health', () => {
    const down = { health: 'unhealthy', healthReason: refusal('ECONNREFUSED'), call: CALL } as const;
    expect(unusableReason({ adminState: 'draining', ...down })).toBe('draining');
    expect(unusableReason({ adminState: 'enabled', ...down })).toMatch(/^with a definition/);
  });

  it('comes with the number of workers, the most frequent first', () => {
    expect(countReasons(['disabled', 'unhealthy', 'unhealthy'])).toBe('2 unhealthy, 1 disabled');
  });
});
