import { createParser } from 'eventsource-parser';
import { onTestFinished } from 'vitest';

export interface StreamedEvent {
  readonly event: string;
  readonly id: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An open stream of events, which grow in `events` as they come; closed when the test ends. */
export async function followStream(url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const response = await fetch(url, { headers, signal: stop.signal });
  const events: StreamedEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = '', id, data }) =>
      events.push({ event, id: Number(id), data: JSON.parse(data) as StreamedEvent['data'] }),
  });
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? [])
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  })();
  ended.catch(() => {});
  return { response, events, ended, close: () => stop.abort() };
}
