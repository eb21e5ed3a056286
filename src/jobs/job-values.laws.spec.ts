import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compiled } from '../../test/fixtures/poll-worker.js';
import { UnsupportedFieldError } from '../input/input-errors.js';
import type { WorkerDefaults } from '../registry/worker.js';
import type { JobInput } from './job.js';
import { checkJobValues, imageLinks, type JobTarget, jobValues, withImages } from './job-values.js';

const EVERYTHING = {
  prompt: '{USER_PROMPT}',
  model: '{MODEL_NAME}',
  n: '{N}',
  size: '{SIZE}',
  width: '{WIDTH}',
  height: '{HEIGHT}',
  ratio: '{ASPECT_RATIO}',
  resolution: '{RESOLUTION}',
  seconds: '{SECONDS}',
  quality: '{QUALITY}',
  seed: '{SEED}',
  negative: '{NEGATIVE_PROMPT}',
  image: '{INPUT_IMAGE}',
  images: '{INPUT_IMAGES}',
  mask: '{MASK}',
  steps: '{EXTRA.steps}',
  job: '{JOB_ID}',
  request: '{REQUEST_ID}',
};
const IMAGE = 'data:image/png;base64,AAAA';
const LINK = 'https://example.com/a.png';
const input = (more: Partial<JobInput> = {}): JobInput => ({ prompt: 'a cat', messages: [], ...more });

function target(body: object, defaults: WorkerDefaults = {}, more: object = {}) {
  return { modelName: 'slow', defaults, call: compiled({ body, defaults, ...more }) };
}
/** What the upstream gets. */
function sent(body: object, request: JobInput, defaults: WorkerDefaults = {}, more: object = {}): unknown {
  const worker = target(body, defaults, more);
  const values = jobValues(worker, request, { id: 'job-1', requestId: 'req-1' });
  return JSON.parse(String(worker.call.render(values, {}).body));
}

describe('the values of a job', () => {
  it('are what the client sent, in the words of the upstream', () => {
    const request = input({
      n: 2,
      size: '1280x720',
      seconds: 5,
      quality: 'hd',
      seed: 7,
      negative_prompt: 'dogs',
      images: [IMAGE, LINK],
      mask: IMAGE,
      extra: { steps: 20, other: 'never sent' },
    });
    expect(sent(EVERYTHING, request, {}, { upstream_model: 'gen4' })).toEqual({
      prompt: 'a cat',
      model: 'gen4',
      n: 2,
      size: '1280x720',
      width: 1280,
      height: 720,
      ratio: '16:9',
      resolution: '720p',
      seconds: 5,
      quality: 'hd',
      seed: 7,
      negative: 'dogs',
      image: IMAGE,
      images: [IMAGE, LINK],
      mask: IMAGE,
      steps: 20,
      job: 'job-1',
      request: 'req-1',
    });
  });

  it("are left out where neither the client nor the worker has one, and the worker's defaults fill them", () => {
    expect(sent(EVERYTHING, input())).toEqual({
      prompt: 'a cat',
      model: 'slow',
      job: 'job-1',
      request: 'req-1',
    });
    const defaults = { n: 1, size: '512x512', seconds: 6, quality: 'sd', seed: 3, negative_prompt: '' };
    expect(sent(EVERYTHING, input({ seconds: 9 }), defaults)).toMatchObject({
      n: 1,
      width: 512,
      seconds: 9,
      quality: 'sd',
      seed: 3,
      negative: '',
    });
  });

  it('hold a random seed that is the same for one job, within 31 bits, and differs between jobs', () => {
    const worker = target({ p: '{USER_PROMPT}', seed: '{SEED}' }, { seed: 'random' });
    const seedOf = (id: string) => jobValues(worker, input(), { id, requestId: 'r' }).SEED;
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        expect(seedOf(one)).toBe(seedOf(one));
        expect(
          Number.isInteger(seedOf(one)) && Number(seedOf(one)) >= 0 && Number(seedOf(one)) < 2 ** 31,
        ).toBe(true);
        expect(seedOf(one) === seedOf(other)).toBe(one === other);
      }),
    );
  });

  it.each<[string, object, Partial<JobInput>, string]>([
    ['n', {}, { n: 2 }, 'n: must be 1'],
    ['a size', {}, { size: '1x1' }, 'size: not supported by this worker'],
    ['seconds', {}, { seconds: 5 }, 'seconds: not supported'],
    ['a seed', {}, { seed: 1 }, 'seed: not supported'],
    ['a negative prompt', {}, { negative_prompt: 'x' }, 'negative_prompt: not supported'],
    ['an image', {}, { images: [IMAGE] }, 'image: not supported'],
    ['a mask', {}, { mask: IMAGE }, 'mask: not supported'],
    ['two images', { i: '{INPUT_IMAGE}' }, { images: [IMAGE, IMAGE] }, 'image: must be one'],
    ['an odd size', { w: '{WIDTH}' }, { size: 'large' }, 'size: must be width and height'],
    ['no image', { '?': '{INPUT_IMAGE}', i: '{INPUT_IMAGE}' }, {}, 'image: is missing'],
    [
      'a link as bytes',
      { i: '{INPUT_IMAGE_BASE64}' },
      { images: [LINK] },
      'image: must be a file or a data URL',
    ],
  ])("name the client's field that this worker cannot say: %s", (_, body, more, message) => {
    const worker = target({ p: '{USER_PROMPT}', ...body });
    const call = () => jobValues(worker, input(more), { id: 'j', requestId: 'r' });
    expect(call).toThrow(UnsupportedFieldError);
    expect(call).toThrow(message);
  });

  it('may say a size in words that only {SIZE} takes, and ignore a quality, which is a hint', () => {
    expect(sent({ p: '{USER_PROMPT}', s: '{SIZE}' }, input({ size: 'large', quality: 'hd', n: 1 }))).toEqual({
      p: 'a cat',
      s: 'large',
    });
  });

  it('are chosen among what the upstream takes', () => {
    const more = {
      choices: { SECONDS: ['5', '10'], RESOLUTION: { '720p': '768P' }, 'EXTRA.style': ['flat'] },
    };
    const body = { p: '{USER_PROMPT}', d: '{SECONDS}', r: '{RESOLUTION}', s: '{EXTRA.style}' };
    const request = input({ seconds: 5, size: '1280x720', extra: { style: 'flat' } });
    expect(sent(body, request, {}, more)).toEqual({ p: 'a cat', d: '5', r: '768P', s: 'flat' });
    expect(() => sent(body, input({ seconds: 7 }), {}, more)).toThrow('seconds: must be one of 5, 10');
    expect(() => sent(body, input({ extra: { style: 'x' } }), {}, more)).toThrow(
      'style: must be one of flat',
    );
  });

  it('never throw anything else, whatever a client sends', () => {
    const anything = fc.record(
      {
        n: fc.integer(),
        size: fc.oneof(fc.string(), fc.constant('1280x720')),
        seconds: fc.double(),
        images: fc.array(fc.oneof(fc.string(), fc.constantFrom(IMAGE, LINK))),
        extra: fc.dictionary(fc.string(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const workers = [
      target({ p: '{USER_PROMPT}' }),
      target(EVERYTHING),
      target({ p: '{USER_PROMPT}', b: '{INPUT_IMAGE_BASE64}' }),
    ];
    fc.assert(
      fc.property(anything, (more) => {
        const errors = workers.flatMap((worker) => errorOf(worker, more as Partial<JobInput>));
        expect(errors.filter((error) => !(error instanceof UnsupportedFieldError))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

/** What a request meets at a worker; nothing: it can be sent. */
function errorOf(worker: JobTarget, more: Partial<JobInput>): readonly unknown[] {
  try {
    worker.call.render(jobValues(worker, input(more), { id: 'j', requestId: 'r' }), {});
    return [];
  } catch (error) {
    return [error];
  }
}

describe('links to images', () => {
  it('must be fetched first where the template needs bytes, and only there', () => {
    const request = input({ images: [IMAGE, LINK], mask: 'https://example.com/m.png' });
    expect(imageLinks(target(EVERYTHING).call, request)).toEqual([]);
    const bytes = target({ ...EVERYTHING, b: '{INPUT_IMAGE_BASE64}' });
    expect(imageLinks(bytes.call, request)).toEqual([LINK, 'https://example.com/m.png']);
    const form = target({ p: '{USER_PROMPT}', f: '{INPUT_IMAGE}' }, {}, { body_format: 'multipart' });
    expect(imageLinks(form.call, input({ images: [LINK] }))).toEqual([LINK]);
    expect(() => checkJobValues(bytes, request)).not.toThrow();
    expect(() => checkJobValues(bytes, input({ n: 2, images: [LINK] }))).not.toThrow();
    expect(() =>
      checkJobValues(target({ p: '{USER_PROMPT}', b: '{INPUT_IMAGE_BASE64}' }), input({ n: 2 })),
    ).toThrow('n: must be 1');
    expect(withImages(request, () => IMAGE)).toMatchObject({ images: [IMAGE, IMAGE], mask: IMAGE });
  });
});
