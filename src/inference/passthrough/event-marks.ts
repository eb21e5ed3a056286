const [LF, CR, QUOTE, COLON, SPACE] = [0x0a, 0x0d, 0x22, 0x3a, 0x20] as const;
const [C, E, F, I, M, R, S, U] = [0x63, 0x65, 0x66, 0x69, 0x6d, 0x72, 0x73, 0x75] as const;
const FINISH_REASON = '"finish_reason"'.length;
const EVENT = 'event:'.length;
const RESPONSE = '"response.'.length;

/** Above it Node's searches are faster than a loop. */
const LARGEST_BYTES = 2048;

/** What may be in some events; `false`: a search would not find it. */
export interface EventMarks {
  /** `"error"` */
  readonly hasError: boolean;
  /** `"usage"` */
  readonly hasUsage: boolean;
  /** `"choices"` */
  readonly hasChoices: boolean;
  /** A `"finish_reason"` that is a text. */
  readonly hasReason: boolean;
  /** The last event of Anthropic's streams, or of OpenAI's responses. */
  readonly hasEnd: boolean;
  /** Empty lines, each the end of an event. */
  readonly ends: number;
}

/**
 * Looks through the whole events of a chunk once, for all that StreamMonitor and UsageScanner would search one by one: six of their
 * ten searches take 1.4 µs alone in a chunk of 200 bytes, this loop 0.16. @returns `null`: the chunk is large
 */
export function marksIn(events: Buffer): EventMarks | null {
  const { length } = events;
  if (length > LARGEST_BYTES) return null;
  let hasError = false;
  let hasUsage = false;
  let hasChoices = false;
  let hasReason = false;
  let hasEnd = mayEnd(events, 0);
  let ends = 0;
  let crlfEnds = 0;
  /** Where the next empty line may begin, of either kind. */
  let free = 0;
  let crlfFree = 0;
  for (let at = 0; at < length; at++) {
    const byte = events[at];
    if (byte === QUOTE) {
      const next = events[at + 1];
      if (next === E) hasError = hasEnd = true;
      else if (next === U) hasUsage ||= events[at + 2] === S;
      else if (next === C) hasChoices = true;
      else if (next === F) hasReason ||= isText(events, at + FINISH_REASON);
      else if (next === M) hasEnd = true;
      else if (next === R) hasEnd ||= endsResponse(events[at + RESPONSE]);
    } else if (byte === LF || byte === CR) {
      hasEnd ||= mayEnd(events, at + 1);
      if (byte === LF && at >= free && events[at + 1] === LF) {
        ends++;
        free = at + 2;
      } else if (
        byte === CR &&
        events[at + 1] === LF &&
        events[at + 2] === CR &&
        events[at + 3] === LF &&
        at >= crlfFree
      ) {
        crlfEnds++;
        crlfFree = at + 4;
      }
    }
  }
  return { hasError, hasUsage, hasChoices, hasReason, hasEnd, ends: ends || crlfEnds };
}

function isText(events: Buffer, colon: number): boolean {
  if (events[colon] !== COLON) return false;
  return events[colon + 1] === QUOTE || (events[colon + 1] === SPACE && events[colon + 2] === QUOTE);
}

/** Whether the line that begins here names a `message_…` or an `error`. */
function mayEnd(events: Buffer, at: number): boolean {
  if (events[at] !== E) return false;
  const [name, behindSpace] = [events[at + EVENT], events[at + EVENT + 1]];
  const first = name === SPACE ? behindSpace : name;
  return first === M || first === E;
}

/** `completed`, `incomplete` or `failed`, not `output_text.delta`. */
function endsResponse(first: number | undefined): boolean {
  return first === C || first === I || first === F;
}
