/**
 * Reads an event stream: the data of its events, and its comments. Names, ids and times to wait are not of interest here.
 * [HTML Living Standard, 9.2.6] An event that is not ended is none.
 */
export async function readEvents(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onData: (data: string) => void,
  onComment: (comment: string) => void,
): Promise<void> {
  let data: string[] = [];
  const readLine = (line: string): void => {
    const [, name, value = ''] = /^([^:]*):? ?(.*)/s.exec(line) ?? [];
    if (name === 'data') data.push(value);
    if (line !== '') return void (name === '' && onComment(value));
    if (data.length > 0) onData(data.join('\n'));
    data = [];
  };
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    // A CR at the end may be the half of a CR LF.
    const lines = (rest + next.value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    lines.forEach(readLine);
  }
  if (rest.endsWith('\r')) readLine(rest.slice(0, -1));
}
