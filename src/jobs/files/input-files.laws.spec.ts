import fc from 'fast-check';
import { expect, it } from 'vitest';
import { joinInput, splitInput } from './input-files.js';

const image = fc.oneof(
  fc.webUrl(),
  fc.string({ maxLength: 40 }).map((text) => `data:image/png;base64,${Buffer.from(text).toString('base64')}`),
);

it('takes the data URLs of a request out and puts them back as they were', () => {
  const input = fc.record(
    { images: fc.array(image, { maxLength: 5 }), mask: image, n: fc.nat() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(input, fc.string(), (fields, prompt) => {
      const whole = { prompt, messages: [], ...fields };
      const { input: small, files } = splitInput(whole);
      expect(JSON.stringify(small)).not.toContain('data:image');
      expect(joinInput(small, new Map(files.entries()))).toEqual(whole);
    }),
  );
});

it('says which file is missing', () => {
  const { input } = splitInput({ prompt: '', messages: [], images: ['data:,x'] });
  expect(() => joinInput(input, new Map())).toThrow('input file 0 of the job is no longer there');
});
