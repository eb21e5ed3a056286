import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { choiceFaults, compileChoices, readSize } from './choices.js';

describe('choices', () => {
  it('give a listed value as it is typed there, and leave other placeholders alone', () => {
    const { chosen } = compileChoices({ SECONDS: ['5', '10'], RESOLUTION: { '720p': '768P' }, N: [1] });
    expect([chosen('SECONDS', 5), chosen('SECONDS', '10'), chosen('RESOLUTION', '720p')]).toEqual([
      '5',
      '10',
      '768P',
    ]);
    expect([chosen('N', 1), chosen('QUALITY', 'any'), chosen('SIZE', '1x1')]).toEqual([1, 'any', '1x1']);
  });

  it.each([
    ['SECONDS', 7, 'seconds: must be one of 5, 10'],
    ['RESOLUTION', '480p', 'size: gives the resolution 480p, and this worker takes 720p'],
    ['EXTRA.style', 'odd', 'style: must be one of plain'],
    ['RESOLUTION', 'constructor', 'size: gives the resolution constructor, and this worker takes 720p'],
  ] as const)(
    "exclude every other value with the client's field and all choices: %s %s",
    (name, value, message) => {
      const { chosen } = compileChoices({
        SECONDS: [5, 10],
        RESOLUTION: { '720p': '768P' },
        'EXTRA.style': ['plain'],
      });
      expect(() => chosen(name, value)).toThrow(message);
    },
  );

  it('must name placeholders of the template that can be chosen', () => {
    const faults = choiceFaults(
      { N: [1], SECONDS: [1], USER_PROMPT: ['a'], constructor: [1] },
      new Set(['N']),
    );
    expect(faults.map(({ message }) => message)).toEqual([
      'choices.SECONDS: is used nowhere: the template has no {SECONDS}',
      'choices.USER_PROMPT: must be one of N, SIZE, WIDTH, HEIGHT, ASPECT_RATIO, RESOLUTION, SECONDS, QUALITY or EXTRA.name',
      'choices.constructor: must be one of N, SIZE, WIDTH, HEIGHT, ASPECT_RATIO, RESOLUTION, SECONDS, QUALITY or EXTRA.name',
    ]);
  });
});

describe('a size', () => {
  it.each([
    ['1280x720', '16:9', '720p'],
    ['720x1280', '9:16', '720p'],
    ['1024x1024', '1:1', '1024p'],
    ['1366x768', '16:9', '768p'],
    ['1536x1024', '3:2', '1024p'],
    ['2560x1080', '21:9', '1080p'],
    ['1x99999', '9:21', '1p'],
  ])('%s has the ratio %s and the resolution %s', (size, aspectRatio, resolution) => {
    expect(readSize(size)).toMatchObject({ aspectRatio, resolution });
  });

  it('has the ratio of the list that no other is nearer to', () => {
    const side = fc.integer({ min: 1, max: 99_999 });
    const ratios = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '9:21'];
    const logOf = (ratio: string) => {
      const [width = 1, height = 1] = ratio.split(':').map(Number);
      return Math.log(width / height);
    };
    fc.assert(
      fc.property(side, side, (width, height) => {
        const size = readSize(`${width}x${height}`);
        const distance = (ratio: string) => Math.abs(logOf(ratio) - Math.log(width / height));
        expect(size).toMatchObject({ width, height, resolution: `${Math.min(width, height)}p` });
        expect(distance(size?.aspectRatio ?? '')).toBe(Math.min(...ratios.map(distance)));
      }),
    );
  });

  it.each(['', 'auto', '1280X720', '0x1', '1x0', '01x1', '1x', '100000x1', ' 1x1', '1x1\n', '1:1'])(
    'is not %j',
    (text) => {
      expect(readSize(text)).toBeNull();
    },
  );
});
