import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { marksIn } from './event-marks.js';
import { StreamMonitor } from './stream-monitor.js';
import { UsageScanner } from './usage-scanner.js';

const STREAMS = [
  { dialect: 'openai', path: '/chat/completions' },
  { dialect: 'openai', path: '/completions' },
  { dialect: 'openai', path: '/responses' },
  { dialect: 'openai', path: '/audio/speech' },
  { dialect: 'anthropic', path: '/messages' },
] as const;

/** What streams end with, report and count, whole and in parts. */
const fragment = fc.constantFrom(
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\r\n\r\n',
  ' ',
  ':',
  '"',
  '{',
  '}',
  'e',
  'error',
  'message_stop',
  '"usage"',
  '"usage":null',

  'data: ',
  'data:',
  'event: ',
  'event:',
  'event: error\n',
  'event:message_stop\r',
  'event: message_stop\n',
  'event: content_block_delta\n',

  'data: {"type":"message_stop"}\n\n',
  'data: {"type": "error","error":{"type":"overloaded_error","message":"m"}}\n\n',
  'data: [DONE]\n\n',
  'data:[DONE]',
  '[DONE]',
  ']',
  'data: {"error":{"message":"no","code":500}}\n\n',

  'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n',
  '"choices"',
  '"finish_reason":"stop"',
  '"finish_reason": "length"',

  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
  '"usage" : {"input_tokens":5,"output_tokens":6}',

  'data: {"type":"response.output_text.delta"}\n\n',
  'data: {"type":"response.completed"}\n\n',
  '"response.failed"',
  '"response.incomplete"',
);
const chunk = fc.array(fragment, { maxLength: 12 }).map((fragments) => Buffer.from(fragments.join('')));

describe('the marks of events', () => {
  it.each(STREAMS)('change nothing that is found in a stream of $path', (stream) => {
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), (chunks) => {
        const [monitor, marked] = [new StreamMonitor(stream), new StreamMonitor(stream)];
        const [tokens, markedTokens] = [new UsageScanner(true), new UsageScanner(true)];
        for (const events of chunks) {
          monitor.scan(events);
          tokens.scan(events);
          marked.scan(events, marksIn(events));
          markedTokens.scan(events, marksIn(events));
        }
        expect(foundBy(marked, markedTokens)).toStrictEqual(foundBy(monitor, tokens));
      }),
      { numRuns: 400 },
    );
  });

  it('are left out where a search is faster', () => {
    expect(marksIn(Buffer.alloc(2048))).not.toBeNull();
    expect(marksIn(Buffer.alloc(2049))).toBeNull();
  });

  it('leave nothing to search for in most chunks', () => {
    const text =
      'data: {"id":"1","choices":[{"delta":{"content":"a"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n';
    expect(marksIn(Buffer.from(text))).toStrictEqual({
      hasError: false,
      hasUsage: true,
      hasChoices: true,
      hasReason: false,
      hasEnd: false,
      ends: 1,
    });
  });
});

function foundBy(monitor: StreamMonitor, tokens: UsageScanner) {
  const { isEnded, hasError, isCutShort, failure } = monitor;
  const { usage } = tokens;
  return { isEnded, hasError, isCutShort, failure: failure?.message, usage, size: tokens.outputOf(usage) };
}
