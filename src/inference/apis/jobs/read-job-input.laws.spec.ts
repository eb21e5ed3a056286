import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../../input/input-errors.js';
import { fieldsOfForm } from './form-body.js';
import { readJobInput } from './read-job-input.js';

const PNG = 'data:image/png;base64,iVBORw0KGgo=';

function faultsOf(fields: Record<string, unknown>): readonly string[] {
  try {
    readJobInput(fields);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.details.map(({ field, problem }) => `${field}: ${problem}`);
  }
}

/** A form as a real client sends it. */
async function formOf(entries: readonly (readonly [string, string | Blob])[]) {
  const form = new FormData();
  for (const [name, value] of entries) form.append(name, value);
  const response = new Response(form);
  return fieldsOfForm(response.headers.get('content-type') ?? '', Buffer.from(await response.arrayBuffer()));
}

describe('the fields of a job', () => {
  it('become placeholders of their own, and all others extras', () => {
    const fields = {
      model: 'm',
      prompt: 'a cat',
      n: 2,
      size: '1280x720',
      seconds: '5',
      seed: 7,
      style: 'vivid',
      user: null,
    };
    expect(readJobInput(fields)).toEqual({
      prompt: 'a cat',
      messages: [{ role: 'user', content: 'a cat' }],
      n: 2,
      size: '1280x720',
      seconds: 5,
      seed: 7,
      extra: { style: 'vivid' },
    });
  });

  it('are read from `input` as from `prompt`', () => {
    expect(readJobInput({ input: 'a cat' }).prompt).toBe('a cat');
  });

  it('leave the size "auto" out', () => {
    expect(readJobInput({ prompt: 'x', size: 'auto' })).not.toHaveProperty('size');
  });

  it('let a member of `extra` win over a field of that name', () => {
    expect(readJobInput({ prompt: 'x', steps: 1, extra: { steps: 2, cfg: 3 } }).extra).toEqual({
      steps: 2,
      cfg: 3,
    });
  });

  it('leave out what belongs to one API alone', () => {
    expect(
      readJobInput({ prompt: 'x', partial_images: 2, response_format: 'url' }, ['partial_images']),
    ).not.toHaveProperty('extra');
  });

  it('take pictures from every field that may hold some', () => {
    const image_url = 'https://pictures.example/cat.png';
    const messages = [
      { role: 'user', content: 'earlier' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a cat' },
          { type: 'image_url', image_url: { url: PNG } },
        ],
      },
    ];
    expect(readJobInput({ prompt: 'x', image: PNG }).images).toEqual([PNG]);
    expect(readJobInput({ prompt: 'x', images: [{ image_url }, PNG] }).images).toEqual([image_url, PNG]);
    expect(readJobInput({ prompt: 'x', input_reference: { image_url } }).images).toEqual([image_url]);
    expect(readJobInput({ messages })).toMatchObject({ prompt: 'a cat', images: [PNG] });
  });

  it.each([
    [{}, 'prompt: must be a text that describes what to make; it is missing'],
    [{ prompt: ' ' }, 'prompt: must be a text that describes what to make, not this string'],
    [{ prompt: 'x', n: 0 }, 'n: must be a whole number from 1 to 100, not 0'],
    [{ prompt: 'x', n: '1.5' }, 'n: must be a whole number from 1 to 100, not this string'],
    [
      { prompt: 'x', size: 'large' },
      'size: must be WIDTHxHEIGHT in pixels, such as 1280x720, or "auto", not this string',
    ],
    [{ prompt: 'x', seconds: '-1' }, 'seconds: must be a number from 0.1 to 3600, not this string'],
    [{ prompt: 'x', extra: [] }, 'extra: must be an object of further fields, not an empty list'],
    [
      { prompt: 'x', input_reference: { file_id: 'f' } },
      'input_reference.file_id: file_id is not supported: send the file itself, or image_url',
    ],
    [
      { prompt: 'x', image: 'cat.png' },
      'image: must be a data URL with base64 (data:image/png;base64,…) or an http(s) URL',
    ],
    [{ prompt: 'x', image: ['data:image/png;base64,a b'] }, 'image[0]: holds characters that are not base64'],
    [
      { prompt: 'x', mask: 5 },
      'mask: must be a data URL with base64 (data:image/png;base64,…) or an http(s) URL, not 5',
    ],
    [
      { messages: [{ role: 'user', content: [] }] },
      'messages: the last user message must hold text that describes what to make',
    ],
  ])('%j is a fault', (fields, fault) => {
    expect(faultsOf(fields)).toEqual([fault]);
  });

  it('list all faults at once', () => {
    expect(faultsOf({ n: 0, size: 'x', image: 1 })).toHaveLength(4);
  });

  it('are read, or refused by name, whatever they hold', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('prompt', 'n', 'size', 'image', 'mask', 'extra', 'seed', 'messages', 'style'),
          fc.jsonValue(),
        ),
        (fields) => {
          expect(faultsOf(fields).every((fault) => fault.includes(': '))).toBe(true);
        },
      ),
    );
  });
});

describe('a form', () => {
  it.each(['prompt', 'input', 'model', 'negative_prompt', 'n'])(
    'takes text only for %s, while an image and a field of the template may be a file',
    async (field) => {
      const file = new File(['a cat'], 'cat.txt', { type: 'text/plain' });
      const fault = { field, problem: 'must be text, not a file' };
      await expect(formOf([[field, file]])).rejects.toMatchObject({ details: [fault] });
      expect(await formOf([['mask', file]])).toEqual({ mask: 'data:text/plain;base64,YSBjYXQ=' });
      expect(await formOf([['control', file]])).toEqual({ control: 'data:text/plain;base64,YSBjYXQ=' });
    },
  );

  it('reads as the same fields in JSON', async () => {
    const file = new Blob([Buffer.from('iVBORw0KGgo=', 'base64')], { type: 'image/png' });
    const fields = await formOf([
      ['model', 'm'],
      ['prompt', 'a cat'],
      ['n', '2'],
      ['image[]', file],
      ['image[]', file],
      ['mask', file],
      ['extra[steps]', '20'],
      ['input_reference[image_url]', 'https://pictures.example/cat.png'],
    ]);
    expect(readJobInput(fields)).toMatchObject({
      prompt: 'a cat',
      n: 2,
      images: [PNG, PNG, 'https://pictures.example/cat.png'],
      mask: PNG,
      extra: { steps: '20' },
    });
  });

  it('takes one file under several names of a list, and several under one name', async () => {
    const file = new Blob(['x'], { type: 'image/png' });
    expect(await formOf([['image', file]])).toEqual({ image: 'data:image/png;base64,eA==' });
    expect(
      (
        await formOf([
          ['image', file],
          ['image', file],
        ])
      )['image'],
    ).toHaveLength(2);
  });

  it.each([
    [
      [
        ['n', '1'],
        ['n', '2'],
      ],
    ],
    [
      [
        ['extra', 'x'],
        ['extra[a]', 'y'],
      ],
    ],
    [
      [
        ['extra[a]', 'y'],
        ['extra[]', 'y'],
      ],
    ],
    [[['__proto__[polluted]', 'yes']]],
    [[['a[__proto__]', 'yes']]],
  ])('is refused where its fields contradict each other: %j', async (entries) => {
    await expect(formOf(entries as [string, string][])).rejects.toThrow(InvalidInputError);
  });

  it('returns every text and every file unchanged', async () => {
    const name = fc.stringMatching(/^x[a-z]{0,7}$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.oneof(fc.string(), fc.uint8Array())), async (values) => {
        const entries = Object.entries(values).map(([key, value]): [string, string | Blob] => [
          key,
          typeof value === 'string' ? value : new Blob([Buffer.from(value)], { type: 'image/png' }),
        ]);
        fc.pre(entries.length > 0);
        const fields = await formOf(entries);
        for (const [key, value] of Object.entries(values))
          expect(fields[key]).toBe(
            typeof value === 'string'
              ? // A form's line breaks are CR LF [WHATWG HTML, multipart/form-data].
                value.toWellFormed().replaceAll(/\r\n|\r|\n/g, '\r\n')
              : `data:image/png;base64,${Buffer.from(value).toString('base64')}`,
          );
      }),
      { numRuns: 50 },
    );
  });
});
