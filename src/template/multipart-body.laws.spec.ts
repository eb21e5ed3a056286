import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compileMultipart } from './body-template.js';
import type { PlaceholderValues } from './placeholders.js';
import { RenderError, TemplateError } from './template-error.js';

const noSecret = (): never => expect.unreachable('a secret was looked up');
const BASE = { MODEL_NAME: 'm', REQUEST_ID: 'r' };

/** What a server reads. */
async function partsOf(body: Record<string, never>, values: Partial<PlaceholderValues>) {
  const { contentType, bytes } = compileMultipart(body).render({ ...BASE, ...values }, noSecret);
  const form = await new Response(new Uint8Array(bytes), {
    headers: { 'content-type': contentType },
  }).formData();
  const parts: unknown[] = [];
  for (const [name, value] of form.entries())
    parts.push(
      typeof value === 'string'
        ? [name, value]
        : [name, value.name, value.type, Buffer.from(await value.arrayBuffer()).toString('base64')],
    );
  return parts;
}
const body = (value: object) => value as Record<string, never>;

describe('a multipart body', () => {
  it('carries any text unchanged, also text that looks like its own boundary', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc
        .array(
          fc.constantFrom('\r\n--multi-model-manager-0', '--', '\r\n', 'multi-model-manager-', '7', 'x', '"'),
        )
        .map((pieces) => pieces.join('')),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (prompt, system) => {
        const parts = await partsOf(body({ a: '{USER_PROMPT}', b: 'x{SYSTEM_PROMPT}' }), {
          USER_PROMPT: prompt,
          SYSTEM_PROMPT: system,
        });
        expect(parts).toEqual([
          ['a', prompt],
          ['b', `x${system}`],
        ]);
      }),
      { numRuns: 500 },
    );
  });

  it('makes files of data URLs, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (bytes) => {
        const base64 = Buffer.from(bytes).toString('base64');
        const parts = await partsOf(body({ image: '{INPUT_IMAGE}' }), {
          INPUT_IMAGE: `data:image/png;base64,${base64}`,
        });
        expect(parts).toEqual([['image', 'image.png', 'image/png', base64]]);
      }),
      { numRuns: 300 },
    );
  });

  it('repeats a part for each element of a list, and leaves out what has no value', async () => {
    const images = ['data:image/jpeg;base64,AAAA', 'https://example.com/b.png'];
    expect(
      await partsOf(
        body({ 'image[]': '{INPUT_IMAGES}', n: '{N}', mask: '{MASK}', tags: ['a', '{QUALITY}'], x: true }),
        {
          INPUT_IMAGES: images,
          N: 2,
        },
      ),
    ).toEqual([
      ['image[]', 'image.jpeg', 'image/jpeg', 'AAAA'],
      ['image[]', 'https://example.com/b.png'],
      ['n', '2'],
      ['tags', 'a'],
      ['x', 'true'],
    ]);
  });

  it("never makes a file of a client's prompt", async () => {
    const USER_PROMPT = 'data:text/plain;base64,AAAA';
    expect(await partsOf(body({ prompt: '{USER_PROMPT}' }), { USER_PROMPT })).toEqual([
      ['prompt', USER_PROMPT],
    ]);
  });

  it('refuses a value for which every boundary occurs in the content', () => {
    const value = `multi-model-manager-${'9'.repeat(15)}`;
    expect(() =>
      compileMultipart({ a: '{USER_PROMPT}' }).render({ ...BASE, USER_PROMPT: value }, noSecret),
    ).toThrow(RenderError);
  });

  it('finds its boundary in one scan of hostile content', () => {
    // One scan reads 5 MB; a scan for each boundary reads 500 GB, which exceeds the time limit of any test.
    const value = Array.from({ length: 200_000 }, (_, at) => `multi-model-manager-${at}`).join('');
    const { contentType } = compileMultipart({ a: '{USER_PROMPT}' }).render(
      { ...BASE, USER_PROMPT: value },
      noSecret,
    );
    expect(contentType).toBe('multipart/form-data; boundary=multi-model-manager-200000');
  });

  it.each([[{ a: {} }], [{ a: [[1]] }], [{ a: null }], [[1]], ['text']])('cannot nest: %j', (template) => {
    expect(() => compileMultipart(template)).toThrow(TemplateError);
  });
});
