import { describe, expect, it } from 'vitest';
import { readerOf } from './reader';

/** A reading that ends when the test wants, and what was shown. */
function slowReader() {
  const ends: (() => void)[] = [];
  const shown: number[] = [];
  const reader = readerOf(async (signal) => {
    const own = ends.length;
    await new Promise<void>((resolve) => ends.push(resolve));
    if (!signal.aborted) shown.push(own);
  });
  const end = async (at: number): Promise<void> => {
    ends[at]?.();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { reader, shown, end, begun: () => ends.length };
}

describe('a reader', () => {
  it('shows what it reads although changes go on, and reads once more for all of them', async () => {
    const { reader, shown, end, begun } = slowReader();
    reader.again();
    reader.again();
    reader.again();
    expect(begun()).toBe(1);
    await end(0);
    expect(shown).toEqual([0]);
    expect(begun()).toBe(2);
    await end(1);
    expect(shown).toEqual([0, 1]);
    expect(begun()).toBe(2);
  });

  it('drops what is on its way when something else is wanted', async () => {
    const { reader, shown, end } = slowReader();
    reader.again();
    reader.anew();
    await end(1);
    await end(0);
    expect(shown).toEqual([1]);
  });

  it('shows nothing after its end', async () => {
    const { reader, shown, end, begun } = slowReader();
    reader.again();
    reader.again();
    reader.stop();
    await end(0);
    expect(shown).toEqual([]);
    expect(begun()).toBe(1);
  });
});
