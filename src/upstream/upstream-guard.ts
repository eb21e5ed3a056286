import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { parseCidr, denialOf, type AddressRules } from './address-rules.js';
import { ForbiddenUpstreamError } from './upstream-errors.js';

export interface UpstreamGuardSettings {
  /** Allows addresses that are denied by default, such as loopback; it does not deny the rest. */
  readonly allowCidrs: readonly string[];
  /** Applied before `allowCidrs`. */
  readonly denyCidrs: readonly string[];
  readonly allowLoopback: boolean;
  /** Denies private addresses and loopback, whatever else is allowed. */
  readonly publicOnly?: boolean;
}

type Resolve = (
  hostname: string,
  options: dns.LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: dns.LookupAddress[]) => void,
) => void;

/** A registration does not wait longer for a name server: each connection is checked again. */
const resolveTimeoutMs = 2_000;
const localhost = /^(?:.+\.)?localhost\.?$/i;

/** The host as every client reads it: `0x7f.1` is 127.0.0.1, `[::1]` is ::1. */
function canonicalHost(hostname: string): string {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0) return bare;
  try {
    return new URL(`http://${bare}/`).hostname;
  } catch {
    return bare;
  }
}

/** Decides where this service may connect to, by URL, by host and again at each connection after DNS. */
export class UpstreamGuard {
  readonly #rules: AddressRules;
  readonly #resolve: Resolve;

  /** @throws InvalidCidrError */
  constructor(settings: UpstreamGuardSettings, resolve: Resolve = dns.lookup) {
    this.#rules = {
      allow: settings.allowCidrs.map((text) => parseCidr(text)),
      deny: settings.denyCidrs.map((text) => parseCidr(text)),
      allowLoopback: settings.allowLoopback,
      publicOnly: settings.publicOnly ?? false,
    };
    this.#resolve = resolve;
  }

  /** Checks the URL alone, without DNS. @throws ForbiddenUpstreamError */
  checkUrl(url: string): void {
    this.checkHost(this.#parse(url).hostname);
  }

  /** Checks an address in any notation; names are checked when they are resolved. @throws ForbiddenUpstreamError */
  checkHost(hostname: string): void {
    const host = canonicalHost(hostname);
    if (isIP(host) !== 0) return this.#checkAddress(host, hostname);
    if (!localhost.test(host)) return;
    // RFC 6761: such a name is always loopback, one of these two.
    if (denialOf('::1', this.#rules) !== null) this.#checkAddress('127.0.0.1', hostname);
  }

  /** Resolves the name as well; one that does not resolve (yet) passes. @throws ForbiddenUpstreamError */
  async checkResolved(url: string): Promise<void> {
    this.checkUrl(url);
    const { hostname } = new URL(url);
    if (isIP(canonicalHost(hostname)) !== 0) return;
    for (const { address } of await this.#addressesOf(hostname)) this.#checkAddress(address, hostname);
  }

  /** For `net.connect`, agents and dispatchers. Node does not call it for addresses: `checkHost` those. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      try {
        for (const { address } of addresses) this.#checkAddress(address, hostname);
      } catch (forbidden) {
        return callback(forbidden instanceof Error ? forbidden : new Error(String(forbidden)), []);
      }
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), []);
      return callback(null, first.address, first.family);
    });
  };

  #checkAddress(address: string, host: string): void {
    const refusal = denialOf(address, this.#rules);
    if (refusal !== null) throw new ForbiddenUpstreamError(refusal, host);
  }

  #parse(text: string): URL {
    if (!URL.canParse(text)) throw refuse('this URL', 'it is not a valid one');
    const url = new URL(text);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw refuse(url.protocol, 'only http: and https: are');
    }
    if (url.username !== '' || url.password !== '') {
      throw refuse(url.host, 'its URL carries a user or password, which belong into a header');
    }
    return url;
  }

  #addressesOf(hostname: string): Promise<readonly dns.LookupAddress[]> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve([]), resolveTimeoutMs);
      this.#resolve(hostname, { all: true }, (error, addresses) => {
        clearTimeout(timer);
        resolve(error === null ? addresses : []);
      });
    });
  }
}

const refuse = (address: string, why: string): ForbiddenUpstreamError =>
  new ForbiddenUpstreamError({ address, why, setting: null });
