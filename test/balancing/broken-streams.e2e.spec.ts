import { describe, expect, it } from 'vitest';
import type { Answer } from '../fakes/fake-upstream.js';
import { upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { serviceForTest, type TestService } from '../service.js';

/** Two thirds of a stream, which goes on or breaks off there. */
const STREAMS = {
  openai: [
    `data: {"choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}\n\n`,
    `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
  ],
  anthropic: [
    `event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1}}}\n\n` +
      `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n` +
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half"}}\n\n`,
    `event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n` +
      `event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n` +
      `event: message_stop\ndata: {"type":"message_stop"}\n\n`,
  ],
} as const;
type Protocol = keyof typeof STREAMS;

/** How the stream that runs goes on. */
let goOn = (): void => {};

const streams = (protocol: Protocol, breaks: boolean): Answer => {
  const [first, rest] = STREAMS[protocol];
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
    goOn = () => (breaks ? response.destroy() : response.end(rest));
  };
};

/** Equal workers of the model `m`, the first of which breaks every stream off. @returns its URL */
async function register(service: TestService, protocol: Protocol, count: number): Promise<string> {
  const urls: string[] = [];
  for (let at = 0; at < count; at++) {
    const upstream = await upstreamForTest(streams(protocol, at === 0));
    urls.push(`${upstream.url}/v1`);
    const { json } = await service.register({
      model_name: 'm',
      protocol,
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
    });
    expect(json).toMatchObject({ success: true });
  }
  return urls[0] ?? '';
}

/** The stream goes on when its first part has reached the client. */
async function stream(service: TestService): Promise<string> {
  const response = await fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const before = text;
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.includes('half') && !before.includes('half')) goOn();
  }
  return text;
}

describe.each([
  ['passed through', 'openai'],
  ['translated', 'anthropic'],
] as const)('a stream that breaks in its middle and is %s', (_way, protocol) => {
  it('ends with an error, and is blamed on its worker alone', async () => {
    // Ejected for longer than the case takes.
    const service = await serviceForTest({
      BALANCING_STRATEGY: 'round_robin',
      tuning: { stats: { ejectionBaseMs: 300_000 } },
    });
    const broken = await register(service, protocol, 3);
    const texts: string[] = [];
    for (let i = 0; i < 12; i++) texts.push(await stream(service));
    const failed = texts.filter((text) => !text.includes('[DONE]'));
    // Three failures eject it; the other workers serve the rest whole.
    expect(failed).toHaveLength(3);
    for (const text of failed) {
      expect(text).toContain('half');
      expect(text).toContain('closed the connection before the answer was complete');
      // The code of a library says nothing to a client.
      expect(text).not.toContain('UND_ERR');
    }
    const ejected = (await viewsOf(service, 'm')).filter((view) => view['ejected_until'] !== null);
    expect(ejected.map((view) => view['req_url_template'])).toEqual([broken]);
  });

  it('ejects no lone worker', async () => {
    const service = await serviceForTest();
    await register(service, protocol, 1);
    for (let i = 0; i < 5; i++)
      expect(await stream(service)).toContain('closed the connection before the answer was complete');
    expect((await viewsOf(service, 'm')).map((view) => view['ejected_until'])).toEqual([null]);
  });
});
