/** In the middle of a stream, instead of an end: a client must not take it for one. */
export function errorEvent(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const object = { message: `worker execute error: ${message}`, type: 'api_error', param: null, code: null };
  return `data: ${JSON.stringify({ error: object })}\n\n`;
}
