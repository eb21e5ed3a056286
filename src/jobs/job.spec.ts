import { expect, it } from 'vitest';
import { newJobId } from './job.js';

it('is a UUID of version 7 in lower case, and rises with time', () => {
  const ids = [1, 2, 255, 256, 65_536, 2 ** 40].map((nowMs) => newJobId(nowMs));
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids).toEqual(ids.toSorted());
  expect(new Set(Array.from({ length: 1000 }, () => newJobId(5))).size).toBe(1000);
});
