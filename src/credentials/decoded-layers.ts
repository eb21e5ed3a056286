/** A text, and the position of each of its characters in the text it was decoded from. */
export interface Layer {
  readonly text: string;
  readonly start: (at: number) => number;
  readonly end: (at: number) => number;
}

/** No client nests more encodings than URL within URL within JSON within JSON by accident. */
const MOST_LAYERS = 5;
const TOKEN =
  /(?:%[0-9a-f]{2})+|\\u[0-9a-f]{4}|\\["\\/bfnrt]|&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos);/gi;
const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text itself, and the text decoded from URL, JSON or HTML encoding: once, twice, … until nothing is left to decode. */
export function decodedLayers(text: string): readonly Layer[] {
  const layers: Layer[] = [{ text, start: (at) => at, end: (at) => at + 1 }];
  for (let outer = layers[0]; outer !== undefined && layers.length < MOST_LAYERS;) {
    const inner = decodedOnce(outer);
    if (inner.text === outer.text) break;
    layers.push(inner);
    outer = inner;
  }
  return layers;
}

function decodedOnce(outer: Layer): Layer {
  const parts: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const copy = (from: number, to: number) => {
    parts.push(outer.text.slice(from, to));
    for (let at = from; at < to; at++) {
      starts.push(outer.start(at));
      ends.push(outer.end(at));
    }
  };
  let done = 0;
  for (const { 0: token, index } of outer.text.matchAll(TOKEN)) {
    copy(done, index);
    let from = index;
    for (const [letters, length] of decoded(token)) {
      parts.push(letters);
      for (let unit = 0; unit < letters.length; unit++) {
        starts.push(outer.start(from));
        ends.push(outer.end(from + length - 1));
      }
      from += length;
    }
    done = index + token.length;
  }
  copy(done, outer.text.length);
  return { text: parts.join(''), start: (at) => starts[at] ?? 0, end: (at) => ends[at] ?? 0 };
}

/** Characters, each with the length of its encoded form. */
function decoded(token: string): readonly (readonly [letters: string, length: number])[] {
  if (token.startsWith('%')) return decodedBytes(Buffer.from(token.replaceAll('%', ''), 'hex'));
  if (token.startsWith('\\')) {
    const letter = token.slice(1, 2);
    const code = Number.parseInt(token.slice(2), 16);
    return [[token.length > 2 ? String.fromCharCode(code) : (ESCAPED[letter] ?? letter), token.length]];
  }
  const name = token.slice(1, -1).toLowerCase();
  const point = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  const letters = ENTITIES[name] ?? (point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
  return [[letters, token.length]];
}

/** Bytes of UTF-8, three characters each. */
function decodedBytes(bytes: Buffer): readonly (readonly [string, number])[] {
  const letters: (readonly [string, number])[] = [];
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] ?? 0;
    const wanted = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const letter = bytes.subarray(at, at + wanted);
    letters.push([letter.toString('utf8'), letter.length * 3]);
    at += letter.length;
  }
  return letters;
}
