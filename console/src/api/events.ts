/**
 * Reads an event stream: the data of its events, and its comments. Names, ids and times to wait are not of interest here.
 * [html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream]
 */
export async function readEvents(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onData: (data: string) => void,
  onComment: (comment: string) => void,
): Promise<void> {
  let data: string[] = [];
  const take = (line: string): void => {
    if (line === '') {
      if (data.length > 0) onData(data.join('\n'));
      data = [];
    }
    const [, field, value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'data') data.push(value);
    if (field === '' && line !== '') onComment(value);
  };
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    // A CR at the end may be the half of a CR LF.
    const lines = (rest + next.value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    lines.forEach(take);
  }
  // A last line that ends with a CR is whole.
  rest.split('\r').slice(0, -1).forEach(take);
}
