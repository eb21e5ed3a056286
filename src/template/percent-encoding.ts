/** Half of a surrogate pair: UTF-8 cannot hold it, and JavaScript's percent-encoding throws for it. */
const LONE_SURROGATE = /\p{Surrogate}/gu;
// RFC 3986 §3.3 and §3.4 (`/` cannot occur in a segment, and is legal in a query), or one escape.
const LEGAL = /%[0-9A-Fa-f]{2}|[A-Za-z0-9\-._~!$&'()*+,;=:@/?]+/y;

/** Encodes a value so that no part of it is syntax. */
export function encodeText(text: string): string {
  return encodeURIComponent(text.replace(LONE_SURROGATE, '\uFFFD'));
}

/** Encodes only what a URL cannot hold, and keeps the rest, escapes included, as it was written. */
export function encodeIllegal(urlText: string): string {
  let encoded = '';
  for (let at = 0; at < urlText.length;) {
    LEGAL.lastIndex = at;
    const legal = LEGAL.exec(urlText)?.[0];
    const taken = legal ?? String.fromCodePoint(urlText.codePointAt(at) ?? 0);
    encoded += legal ?? encodeText(taken);
    at += taken.length;
  }
  return encoded;
}
