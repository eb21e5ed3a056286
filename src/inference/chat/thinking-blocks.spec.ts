import { describe, expect, it } from 'vitest';
import { signedBlocks, thinkingBlocksIn, UNSIGNED, withThinking } from './thinking-blocks.js';

const signed = (thinking: string) => ({ type: 'thinking', thinking, signature: `of ${thinking}` });
const text = { type: 'text', text: 'a' };
const call = { type: 'tool_use', id: 'c', name: 'f', input: {} };
const redacted = { type: 'redacted_thinking', data: 'x' };

describe('Thinking blocks', () => {
  it.each([
    [[signed('a'), text, call]],
    [[signed('a'), redacted, signed('b'), call]],
    [[signed('a'), text, signed('b'), call, signed('c'), call]],
    [[text, signed('b'), call]],
  ])('return to where they stood', (content) => {
    const others = content.filter(({ type }) => !type.includes('thinking'));
    expect(withThinking(others, thinkingBlocksIn(signedBlocks(content)))).toEqual(content);
  });

  it('at the beginning are exactly as Anthropic sent them', () => {
    expect(signedBlocks([signed('a'), redacted, text])).toEqual([signed('a'), redacted]);
  });

  it('that Anthropic did not sign are left out', () => {
    const foreign = [
      { ...signed('a'), signature: UNSIGNED },
      { ...signed('a'), signature: '' },
      null,
      'b',
      {},
    ];
    expect(thinkingBlocksIn([...foreign, signed('c')])).toEqual([signed('c')]);
    expect(thinkingBlocksIn('no list')).toEqual([]);
  });
});
