import { decodedLayers, type Layer } from './decoded-layers.js';

const HIDDEN = '[hidden]';
/** Shorter texts are ordinary words and no secrets. */
const SHORTEST = 4;
/** No encoding here takes more characters for one character. */
const LONGEST_SPELLING = 16;
const SCHEME = /^(?:basic|bearer|token|key|apikey|api-key)\s+/i;
const BASIC = /^basic\s+([A-Za-z0-9+/_-]+=*)$/i;

type Range = readonly [start: number, end: number];

/**
 * Hides the secrets in a text: plain, without their scheme, in JSON, in a URL, in HTML, in hex, in base64 (inside a longer
 * text too) and in several of these at once.
 * @param shown how many characters to show: a secret across that end is hidden whole
 */
export function redact(text: string, secrets: Iterable<string>, shown: number = text.length): string {
  const forms = [...new Set([...secrets].flatMap(formsOf))].filter((form) => form.length >= SHORTEST);
  const longest = forms.reduce((length, form) => Math.max(length, form.length), 0);
  const window = text.slice(0, shown + LONGEST_SPELLING * longest);
  const ranges = decodedLayers(window).flatMap((layer) => {
    const canonical = canonicalOf(layer.text);
    return forms.flatMap((form) => [
      ...spellingsOf(form).flatMap((spelling) => occurrences(layer, canonical, spelling, 0)),
      // At its ends, base64 mixes the bits of the secret with those of its neighbours.
      ...base64Of(form).flatMap((core) => occurrences(layer, layer.text, core, 1)),
    ]);
  });
  return hide(window, ranges, shown);
}

/** The secret parts of a header's value: the part after its scheme, and the text that Basic encodes [RFC 7617]. */
function formsOf(secret: string): readonly string[] {
  const basic = BASIC.exec(secret)?.[1];
  const pair = basic === undefined ? '' : Buffer.from(basic, 'base64').toString('utf8');
  return [secret, secret.replace(SCHEME, ''), pair, pair.slice(pair.indexOf(':') + 1)];
}

/** A secret that looks like encoded text is decoded together with its surroundings. */
function spellingsOf(form: string): readonly string[] {
  const own = decodedLayers(form).map(({ text }) => text);
  return [...new Set([...own, Buffer.from(form).toString('hex')].map(canonicalOf))].filter(isLongEnough);
}

/** Lower case, with spaces as forms write them; the length stays the same. */
function canonicalOf(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()).replaceAll('+', ' ');
}

/** The base64 of the secret after 0, 1 or 2 other bytes, without the characters that depend on its neighbours. */
function base64Of(form: string): readonly string[] {
  const cores = [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(form)]);
    return whole.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((whole.length * 8) / 6));
  });
  return cores.flatMap((core) => [core, core.replaceAll('+', '-').replaceAll('/', '_')]).filter(isLongEnough);
}

function isLongEnough(text: string): boolean {
  return text.length >= SHORTEST;
}

function occurrences(layer: Layer, text: string, wanted: string, around: number): readonly Range[] {
  const found: Range[] = [];
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + 1)) {
    const first = Math.max(0, at - around);
    const last = Math.min(text.length, at + wanted.length + around) - 1;
    found.push([layer.start(first), layer.end(last)]);
  }
  return found;
}

/** Secrets may overlap: every character of any of them is hidden. */
function hide(text: string, ranges: readonly Range[], shown: number): string {
  const parts: string[] = [];
  let at = 0;
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (start >= shown) break;
    // A range that touches the one before is part of the same [hidden].
    if (start > at || parts.length === 0) parts.push(text.slice(at, start), HIDDEN);
    at = Math.max(at, end);
  }
  return parts.join('') + text.slice(at, Math.max(at, shown));
}
