/** Of an upstream's response, names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** In lower case, without parameters; '' where no type is given [RFC 9110, 8.3.1]. */
export function mediaType({ 'content-type': type }: AnswerHeaders): string {
  // What nearly all answers have.
  if (type === 'application/json') return type;
  const text = typeof type === 'string' ? type : (type?.[0] ?? '');
  const end = text.indexOf(';');
  return (end === -1 ? text : text.slice(0, end)).trim().toLowerCase();
}

export function isEventStream(headers: AnswerHeaders): boolean {
  return mediaType(headers) === 'text/event-stream';
}
