/** A character of which not all bytes are there yet, as servers that decode token by token show it. */
const UNFINISHED = /\uFFFD+$/;

/** What is new in each event of a stream whose events repeat the whole text so far. */
export class TextSoFar {
  private said = '';
  private whole = '';

  /** @param isLast what looks unfinished will not change any more */
  newIn(whole: string, isLast: boolean): string {
    // An event without text takes nothing back.
    if (whole !== '') this.whole = whole;
    const settled = isLast ? this.whole : this.whole.replace(UNFINISHED, '');
    // What was said cannot be unsaid: a server that shortens its text (a stop word cut off) adds nothing until it is longer.
    const added = settled.slice(this.said.length);
    if (added !== '') this.said = settled;
    return added;
  }

  rest(): string {
    return this.newIn('', true);
  }
}
