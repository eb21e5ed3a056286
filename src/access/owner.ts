import type { IncomingHttpHeaders } from 'node:http';

/** The owner of what a request makes: '' while there is one key for all. */
export function ownerOf(_request: { readonly headers: IncomingHttpHeaders }): string {
  return '';
}
