import { describe, expect, it } from 'vitest';
import { ImageCounter, imagesInAnswer } from './image-counter.js';

const answer = JSON.stringify({
  created: 1,
  data: [
    { b64_json: 'QUJD'.repeat(40), revised_prompt: 'a "url": "x" and a "b64_json":"y"' },
    { b64_json: 'QUJD' },
    { url: null, b64_json: 'QUJD' },
  ],
});

describe('the images in an answer', () => {
  it('are counted by their keys, whatever prompts contain', () => {
    expect(imagesInAnswer(answer)).toBe(3);
    expect(imagesInAnswer(Buffer.from(answer.replaceAll('b64_json":"', 'url" : "')))).toBe(3);
    expect(imagesInAnswer('{"data":[]}')).toBe(0);
  });

  it('are counted alike however the answer is divided', () => {
    for (let size = 1; size < 60; size++) {
      const counter = new ImageCounter();
      for (let at = 0; at < answer.length; at += size) counter.scan(Buffer.from(answer.slice(at, at + size)));
      expect([size, counter.count]).toEqual([size, 3]);
    }
  });
});
