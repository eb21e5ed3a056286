/** A key of OpenAI's list of images with a text: in JSON text quotes are escaped, so that no prompt can contain one. */
const KEYS = [/"b64_json"\s*:\s*"/g, /"url"\s*:\s*"/g] as const;
/** A key with the space around its colon. */
const LONGEST_KEY = 64;

/** Counts the images in an answer, which may come in parts. A server may give each image twice, as a URL and as bytes. */
export class ImageCounter {
  private readonly counts = [0, 0];
  /** The end of the part before: a key may begin in it. */
  private tail = '';

  get count(): number {
    return Math.max(...this.counts);
  }

  scan(part: Buffer | string): void {
    const text = this.tail + (typeof part === 'string' ? part : part.toString('latin1'));
    let endOfLast = 0;
    for (const [index, key] of KEYS.entries())
      for (const match of text.matchAll(key)) {
        this.counts[index] = (this.counts[index] ?? 0) + 1;
        endOfLast = Math.max(endOfLast, match.index + match[0].length);
      }
    // Without what was counted.
    this.tail = text.slice(Math.max(endOfLast, text.length - LONGEST_KEY));
  }
}

export function imagesInAnswer(body: Buffer | string): number {
  const counter = new ImageCounter();
  counter.scan(body);
  return counter.count;
}
