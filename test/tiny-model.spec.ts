import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGguf, type Gguf } from './gguf/read-gguf.js';

const MAKE_MODEL = 'examples/tiny-worker/make-model.mjs';
const run = promisify(execFile);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mmm-tiny-model-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the model of examples/tiny-worker', () => {
  it('is a Llama model whose GGUF tensors leave no gap and do not overlap', async () => {
    const { metadata, tensors, dataBytes } = readGguf(await modelOf('The cat sat.\nThe dog ran!'));
    expect(metadata.get('general.architecture')).toBe('llama');
    expect(tensors.map(({ name }) => name)).toEqual([
      'token_embd.weight',
      'blk.0.attn_norm.weight',
      'blk.0.attn_q.weight',
      'blk.0.attn_k.weight',
      'blk.0.attn_v.weight',
      'blk.0.attn_output.weight',
      'blk.0.ffn_norm.weight',
      'blk.0.ffn_gate.weight',
      'blk.0.ffn_up.weight',
      'blk.0.ffn_down.weight',
      'output_norm.weight',
      'output.weight',
    ]);
    let end = 0;
    for (const { offset, values } of tensors) {
      expect(offset).toBe(end);
      end = Math.ceil((offset + values.byteLength) / 32) * 32;
    }
    expect(dataBytes).toBe(end);
  });

  it('contains each word and punctuation mark once and predicts the next one', async () => {
    const gguf = readGguf(await modelOf('The cat sat.\nThe cat ran!\nThe dog ran.'));
    const tokens = vocabulary(gguf);
    expect(new Set(tokens)).toEqual(
      new Set(['<unk>', '<s>', '</s>', '▁The', '▁cat', '▁dog', '▁sat', '▁ran', '.', '!']),
    );
    expect(tokens).toHaveLength(new Set(tokens).size);
    expect(likelihood(gguf, '▁The', '▁cat')).toBeCloseTo(2 / 3);
    expect(likelihood(gguf, '▁The', '▁dog')).toBeCloseTo(1 / 3);
    expect(likelihood(gguf, '<s>', '▁The')).toBeCloseTo(1);
    expect(likelihood(gguf, '.', '</s>')).toBeCloseTo(1);
    expect(likelihood(gguf, '▁dog', '▁cat')).toBeLessThan(1e-5);
  });

  it('is byte for byte the same when it is built again', async () => {
    const [once, again] = await Promise.all([modelOf('Once upon a time.'), modelOf('Once upon a time.')]);
    expect(once.equals(again)).toBe(true);
  });

  it('leaves out the rarest words of a long text, and all its scores are numbers', async () => {
    const words = Array.from({ length: 700 }, (_, i) => `w${i} often`).join(' ');
    const gguf = readGguf(await modelOf(words));
    expect(vocabulary(gguf)).toHaveLength(3 + 500);
    expect(vocabulary(gguf)).toContain('▁often');
    for (const { values } of gguf.tensors) expect(values.every(Number.isFinite)).toBe(true);
  });

  it('cannot be built from a text without words', async () => {
    await expect(modelOf('…\n')).rejects.toThrow('There is not a word in this text');
  });
});

let made = 0;

async function modelOf(text: string): Promise<Buffer> {
  const textFile = join(folder, 'text.txt');
  const modelFile = join(folder, `${(made += 1)}.gguf`);
  await writeFile(textFile, text);
  await run(process.execPath, [MAKE_MODEL, textFile, modelFile]);
  return readFile(modelFile);
}

function vocabulary({ metadata }: Gguf): string[] {
  const tokens = metadata.get('tokenizer.ggml.tokens');
  return Array.isArray(tokens) ? tokens.map(String) : [];
}

/** As the network computes it: the softmax of an output row at one token's embedding, including the scale of the norm. */
function likelihood(gguf: Gguf, token: string, next: string): number {
  const tokens = vocabulary(gguf);
  const output = gguf.tensors.find(({ name }) => name === 'output.weight');
  const length = output?.shape[0] ?? 0;
  const score = output?.values[tokens.indexOf(next) * length + tokens.indexOf(token)] ?? Number.NaN;
  return Math.exp(score * Math.sqrt(length));
}
