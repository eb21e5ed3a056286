import { expect, it } from 'vitest';
import { findFormParts } from './multipart-scanner.js';

const formOf = (count: number): Buffer =>
  Buffer.from(
    `${Array.from({ length: count }, (_, index) => `--x\r\ncontent-disposition: form-data; name="f${index}"\r\n\r\n1\r\n`).join('')}--x--\r\n`,
  );

it('reads a form of 1,000 parts, and no more: each costs time in which no other request is served', () => {
  const read = (count: number) => findFormParts('multipart/form-data; boundary=x', formOf(count));
  expect(read(1_000)).toHaveLength(1_000);
  expect(() => read(1_001)).toThrow('it has more than 1000 parts');
});
