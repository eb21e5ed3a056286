/** The content of a data URL. */
export interface DataUrl {
  /** Its media type, in lower case, without parameters. */
  readonly type: string;
  /** Without spaces and line breaks. */
  readonly base64: string;
}

// The head is short; the rest is searched for nothing.
const HEAD = /^data:([a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+)?(?:;[^;,]*)*;base64,/i;
const LONGEST_HEAD = 200;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** A base64 data URL [RFC 2397]; `null`: the text is something else. */
export function parseDataUrl(text: string): DataUrl | null {
  if (!text.startsWith('data:')) return null;
  const head = HEAD.exec(text.slice(0, LONGEST_HEAD));
  if (head === null) return null;
  const rest = text.slice(head[0].length);
  const base64 = /\s/.test(rest) ? rest.replaceAll(/\s/g, '') : rest;
  return BASE64.test(base64) ? { type: (head[1] ?? 'text/plain').toLowerCase(), base64 } : null;
}
