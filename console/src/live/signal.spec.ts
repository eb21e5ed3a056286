import { describe, expect, it } from 'vitest';
import { computed, signal } from './signal';

describe('a signal', () => {
  it('calls with its value at once and with each that is another, until that is stopped', () => {
    const one = signal(1);
    const seen: number[] = [];
    const stop = one.subscribe((value) => seen.push(value));
    one.value = 2;
    one.value = 2;
    one.value = 3;
    stop();
    one.value = 4;
    expect(seen).toEqual([1, 2, 3]);
    expect(one.value).toBe(4);
  });

  it('lets a listener stop another, and itself, while it calls them', () => {
    const one = signal('a');
    const seen: string[] = [];
    const stops = ['x', 'y'].map((name) =>
      one.subscribe((value) => {
        seen.push(name + value);
        if (value === 'b') stops.forEach((stop) => stop());
      }),
    );
    one.value = 'b';
    one.value = 'c';
    expect(seen.filter((each) => each.endsWith('c'))).toEqual([]);
  });

  it('is worked out anew by a computed one', () => {
    const [one, two] = [signal(1), signal(2)];
    const sum = computed(() => one.value + two.value);
    expect(sum.value).toBe(3);
    two.value = 5;
    expect(sum.value).toBe(6);
  });
});
