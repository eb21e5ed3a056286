import { createParser } from 'eventsource-parser';

/** Reads an event stream: the data of its events, and its comments. Names, ids and times to wait are not of interest here. */
export async function readEvents(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onData: (data: string) => void,
  onComment: (comment: string) => void,
): Promise<void> {
  const parser = createParser({ onEvent: ({ data }) => onData(data), onComment });
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let last = '';
  for (let next = await reader.read(); !next.done; next = await reader.read())
    parser.feed((last = next.value));
  // A CR at the end may be the half of a CR LF, for which the parser waits.
  if (last.endsWith('\r')) parser.feed('\n');
}
