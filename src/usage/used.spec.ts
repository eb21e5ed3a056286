import { describe, expect, it } from 'vitest';
import { newFacts } from '../telemetry/request-facts.js';
import { costOf, outcomeOf, quantitiesOf, textBytesOf } from './used.js';

const bytes = (count: number) => () => count;
const NOTHING = { input: 0, cached: 0, output: 0, estimated: 0, images: 0, seconds: 0 };

describe('what a request used', () => {
  it('is what its worker reports, cached input as a part of the input', () => {
    const facts = { ...newFacts(), inputTokens: 10, cachedTokens: 4, outputTokens: 3, answerTokens: 3 };
    expect(quantitiesOf(facts, 'both', bytes(4000))).toEqual({ ...NOTHING, input: 10, cached: 4, output: 3 });
    expect(quantitiesOf({ ...facts, cachedTokens: 99 }, 'both', bytes(0)).cached).toBe(10);
  });

  it('is estimated where an answer came and no worker reports it, and marked', () => {
    const facts = { ...newFacts(), answerTokens: 7.2 };
    expect(quantitiesOf(facts, 'both', bytes(41))).toEqual({
      ...NOTHING,
      input: 11,
      output: 8,
      estimated: 19,
    });
    expect(quantitiesOf({ ...facts, inputTokens: 0, outputTokens: 0 }, 'both', bytes(41)).estimated).toBe(19);
    expect(quantitiesOf(facts, 'input', bytes(41))).toEqual({ ...NOTHING, input: 11, estimated: 11 });
    expect(quantitiesOf(facts, 'nothing', bytes(41))).toEqual(NOTHING);
  });

  it('is nothing where no answer came', () => {
    expect(quantitiesOf(newFacts(), 'both', bytes(4000))).toEqual(NOTHING);
  });

  it('costs by the million tokens, by image and by second, cached input as input if it has no price', () => {
    const price = { currency: 'EUR', input: 2, output: 8, cachedInput: null, image: 0.04, second: 0.5 };
    const used = { ...NOTHING, input: 1_000_000, cached: 400_000, output: 500_000, images: 2, seconds: 4 };
    expect(costOf(used, price)).toBeCloseTo(2 + 4 + 0.08 + 2, 12);
    expect(costOf(used, { ...price, cachedInput: 0.5 })).toBeCloseTo(1.2 + 0.2 + 4 + 0.08 + 2, 12);
    expect(costOf(used, { ...price, input: null, output: null, second: null })).toBeCloseTo(0.08, 12);
  });
});

describe('the fault of a failed request', () => {
  it('follows from its error type, and a request that a worker rejects is the fault of the caller', () => {
    expect(outcomeOf(null, false)).toBe('ok');
    expect(outcomeOf('worker_error', false)).toBe('worker');
    expect(outcomeOf('worker_error', true)).toBe('caller');
    expect(outcomeOf('caller_gone', false)).toBe('caller');
    expect(outcomeOf('policy_all_down', false)).toBe('service');
    expect(outcomeOf('manager_internal', false)).toBe('service');
  });

  it('does not count where the service refuses the caller', () => {
    expect(outcomeOf('caller_unauthorized', false)).toBeNull();
    expect(outcomeOf('caller_forbidden', false)).toBeNull();
  });
});

describe('the text of a body', () => {
  it('leaves out images and files in base64, as OpenAI and as Anthropic writes them', () => {
    const base64 = 'A'.repeat(5000);
    const openAi = JSON.stringify({ url: `data:image/png;base64,${base64}`, more: 'x' });
    const anthropic = JSON.stringify({ source: { type: 'base64', data: base64 } });
    expect(textBytesOf(Buffer.from(openAi))).toBe(openAi.length - 5000);
    expect(textBytesOf(Buffer.from(anthropic))).toBe(anthropic.length - 5000);
    expect(textBytesOf(Buffer.from(anthropic.replace(':"A', ': "A')))).toBe(anthropic.length + 1 - 5000);
    expect(textBytesOf(Buffer.from('{"data": [1, 2], "x": "data:a;base64,"}'))).toBe(39);
    expect(textBytesOf(Buffer.from('{"x": "data:a;base64,AAAA'))).toBe(21);
  });
});
