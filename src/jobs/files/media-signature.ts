/** First bytes, in hexadecimal, of the formats that models make [WHATWG MIME Sniffing, 6.1 and 6.2]. */
const SIGNATURES: readonly (readonly [type: string, pattern: RegExp])[] = [
  ['image/png', /^89504e470d0a1a0a/],
  ['image/jpeg', /^ffd8ff/],
  ['image/gif', /^474946383[79]61/],
  ['image/webp', /^52494646.{8}57454250/],
  ['image/avif', /^.{8}66747970617669(66|73)/],
  ['video/mp4', /^.{8}66747970/],
  ['video/webm', /^1a45dfa3/],
  ['audio/wav', /^52494646.{8}57415645/],
];
const LONGEST = 12;

/** The media type of a file that came without one, as base64 does; `null`: none of these. */
export function typeBySignature(bytes: Buffer): string | null {
  const head = bytes.toString('hex', 0, LONGEST);
  return SIGNATURES.find(([, pattern]) => pattern.test(head))?.[0] ?? null;
}
