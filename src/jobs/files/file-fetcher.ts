import { Injectable } from '@nestjs/common';
import type { CancelSignal } from '../../upstream/exchange.js';
import { UpstreamError } from '../../upstream/failure.js';
import { mediaType } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamTimeouts } from '../../upstream/timeouts.js';
import { ForbiddenUpstreamError, UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import { AnsweredUrls } from '../../upstream/upstream.module.js';
import { type UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';

const MOST_REDIRECTS = 3;
const NO_ORIGINS: ReadonlySet<string> = new Set();
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** They carry nothing of the client. All others stay behind when a redirect leads elsewhere. */
const HARMLESS_HEADERS: ReadonlySet<string> = new Set(['accept', 'accept-encoding', 'range', 'user-agent']);

/** Fetches files of results: URLs of an answer are checked, and so is each redirect. */
@Injectable()
export class FileFetcher {
  constructor(
    private readonly client: UpstreamClient,
    private readonly answered: AnsweredUrls,
  ) {}

  /**
   * Any status is an answer, except redirects, which are followed.
   * @param origins of the worker, which the registrar named: they may be private, and get the call's credentials
   * @throws UpstreamError (`address_forbidden` for a URL that may not be fetched)
   */
  async open(
    call: UpstreamCall,
    origins: ReadonlySet<string>,
    range: string | null,
    signal: CancelSignal | null,
  ): Promise<OpenAnswer> {
    let next = range === null ? call : { ...call, headers: { ...call.headers, range } };
    for (let redirects = 0; ; redirects++) {
      const client = origins.has(next.origin) ? this.client : this.answered.client;
      const answer = await client.open(next, signal);
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.status) || typeof location !== 'string') return answer;
      answer.discard();
      if (redirects === MOST_REDIRECTS)
        throw new UpstreamError('bad_answer', `a file redirects more than ${MOST_REDIRECTS} times`);
      next = redirected(next, location);
    }
  }

  /** An image that a client named by its URL, as a data URL: its worker takes bytes. @throws UpstreamError */
  async dataUrlOf(url: string, timeouts: UpstreamTimeouts): Promise<string> {
    if (!URL.canParse(url)) throw new UpstreamError('address_forbidden', 'it is not a valid URL');
    const { origin, pathname, search } = new URL(url);
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'multi-model-manager' };
    const call = { method: 'GET' as const, origin, path: pathname + search, headers, body: null, timeouts };
    const answer = await this.open(call, NO_ORIGINS, null, null);
    const bytes = await answer.readAll();
    if (answer.status !== 200) throw new UpstreamRejectedError(answer.status);
    return `data:${mediaType(answer.headers) || 'application/octet-stream'};base64,${bytes.toString('base64')}`;
  }

  /** Whether a URL may be fetched or handed on. Resolves its name, too. @throws ForbiddenUpstreamError */
  async check(url: string, origins: ReadonlySet<string>): Promise<void> {
    if (URL.canParse(url) && origins.has(new URL(url).origin)) return;
    await this.answered.guard.checkResolved(url);
  }
}

/** A redirect is followed with GET [RFC 9110, 15.4]; files are only ever read. */
export function redirected(call: UpstreamCall, location: string): UpstreamCall {
  const from = `${call.origin}${call.path}`;
  if (!URL.canParse(location, from))
    throw new UpstreamError('bad_answer', 'a file redirects to a Location that is not a URL');
  const url = new URL(location, from);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new UpstreamError(
      'address_forbidden',
      `a file redirects to ${url.protocol}, and only http: and https: are allowed`,
    );
  const isSame = url.origin === call.origin;
  const headers = isSame
    ? call.headers
    : Object.fromEntries(
        Object.entries(call.headers).filter(([name]) => HARMLESS_HEADERS.has(name.toLowerCase())),
      );
  return { ...call, method: 'GET', body: null, origin: url.origin, path: url.pathname + url.search, headers };
}

/** What a client reads of it: addresses are for the log. */
export const FORBIDDEN_FILE = 'the URL of a file leads to an address that this service may not use';

/** Why a URL may not be used, for the log; `null`: something else went wrong. */
export function forbiddenReason(error: unknown): string | null {
  if (error instanceof ForbiddenUpstreamError) return error.message;
  return error instanceof UpstreamError && error.kind === 'address_forbidden' ? error.message : null;
}
