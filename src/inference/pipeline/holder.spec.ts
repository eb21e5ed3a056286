import { describe, expect, it } from 'vitest';
import type { Worker } from '../../registry/worker.js';
import { excludedFor } from './holder.js';

const at = (id: string, url: string): Worker => ({ id, url }) as Worker;
const [a, b, c] = [at('a', 'http://one/v1'), at('b', 'http://one/v1'), at('c', 'http://two/v1')] as const;

describe('A request that names what one worker keeps', () => {
  it('goes to that worker alone', () => {
    expect(excludedFor(a, [a, b, c])).toEqual(new Set(['b', 'c']));
  });

  it('goes to a worker of the same server where that one is of another model', () => {
    expect(excludedFor(a, [b, c])).toEqual(new Set(['c']));
  });

  it('goes to any worker where none is of that server', () => {
    expect(excludedFor(a, [c])).toBeNull();
    expect(excludedFor(a, [])).toBeNull();
  });
});
