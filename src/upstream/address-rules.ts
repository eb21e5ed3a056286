import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface Cidr {
  readonly text: string;
  readonly network: Address;
  readonly prefixLength: number;
}

/**
 * `allow` allows addresses that are denied by default (loopback) and denies no others; `deny` comes before `allow`;
 * neither allows addresses that are always denied.
 */
export interface AddressRules {
  readonly allow: readonly Cidr[];
  readonly deny: readonly Cidr[];
  readonly allowLoopback: boolean;
  /** Private addresses are denied, too. */
  readonly publicOnly?: boolean;
}

export interface AddressDenial {
  readonly address: string;
  readonly why: string;
  /** The setting that allows it; null: none does. */
  readonly setting: string | null;
}

export class InvalidCidrError extends Error {
  override readonly name = 'InvalidCidrError';
  constructor(readonly text: string) {
    super(`"${text}" is not an IP address or a range: write 10.0.0.0/8, 192.168.1.7 or fd00::/8`);
  }
}

/** A range (`10.0.0.0/8`) or one address. @throws InvalidCidrError */
export function parseCidr(text: string): Cidr {
  const [base = '', length, ...more] = text.trim().split('/');
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(base)] ?? 0;
  const prefixLength = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Infinity;
  if (bits === 0 || prefixLength > bits || more.length > 0) throw new InvalidCidrError(text);
  const network = ipaddr.parse(base);
  // ::ffff:10.0.0.0/104 equals 10.0.0.0/8.
  if (network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress() && prefixLength >= 96) {
    return { text, network: network.toIPv4Address(), prefixLength: prefixLength - 96 };
  }
  return { text, network, prefixLength };
}

const ranges = (why: string, ...texts: readonly string[]): { why: string; cidrs: Cidr[] } => ({
  why,
  cidrs: texts.map((text) => parseCidr(text)),
});

/** The first match gives the reason. IANA's special-purpose registries, RFC 6890. */
const neverReachable = [
  ranges(
    'a cloud metadata service',
    '169.254.169.254',
    '168.63.129.16', // Azure
    '100.100.100.200', // Alibaba
    'fd00:ec2::254', // AWS
    'fd20:ce::254', // Google
    'fd00:c1::a9fe:a9fe', // Oracle
    'fd00:42::42', // Scaleway
  ),
  ranges('link-local', '169.254.0.0/16', 'fe80::/10'),
  ranges('unspecified', '0.0.0.0/8', '::'),
  ranges('the broadcast address', '255.255.255.255'),
  ranges('multicast', '224.0.0.0/4', 'ff00::/8'),
  ranges(
    'reserved',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '240.0.0.0/4',
    '2001::/23',
    '2001:db8::/32',
    '3fff::/20',
  ),
];
/** Where workers and their neighbours may live: RFC 1918, 6598 and 4193. */
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(
  (text) => parseCidr(text),
);
const loopback = [parseCidr('127.0.0.0/8'), parseCidr('::1')];
/** Everything in IPv6 that is not one of these is reserved by the IETF (RFC 4291 §2.4). */
const usableIPv6 = [parseCidr('2000::/3'), parseCidr('fc00::/7'), parseCidr('::1')];

const teredo = parseCidr('2001::/32');
/** IPv6 prefixes that carry an IPv4 address, and at which byte; mapped ones are read as IPv4 from the start. */
const carriers: readonly (readonly [Cidr, readonly number[]])[] = [
  [parseCidr('::ffff:0:0:0/96'), [12]], // translated, RFC 7915
  [parseCidr('64:ff9b::/96'), [12]], // NAT64, RFC 6052
  [parseCidr('2002::/16'), [2]], // 6to4, RFC 3056
  [teredo, [4, 12]], // Teredo, RFC 4380: its server, and the client with all bits flipped
  [parseCidr('::/96'), [12]], // compatible, RFC 4291
];
const carriesNothing = [parseCidr('::'), parseCidr('::1')];

const within = (address: Address, cidr: Cidr): boolean =>
  address instanceof ipaddr.IPv4
    ? cidr.network instanceof ipaddr.IPv4 && address.match(cidr.network, cidr.prefixLength)
    : cidr.network instanceof ipaddr.IPv6 && address.match(cidr.network, cidr.prefixLength);

const withinAny = (address: Address, cidrs: readonly Cidr[]): Cidr | undefined =>
  cidrs.find((cidr) => within(address, cidr));

function embeddedIPv4(address: Address): ipaddr.IPv4[] {
  if (address instanceof ipaddr.IPv4 || withinAny(address, carriesNothing)) return [];
  const carrier = carriers.find(([cidr]) => within(address, cidr));
  if (carrier === undefined) return [];
  const bytes = address.toByteArray();
  return carrier[1].map((at) => {
    const mask = carrier[0] === teredo && at === 12 ? 0xff : 0;
    return new ipaddr.IPv4(bytes.slice(at, at + 4).map((byte) => byte ^ mask));
  });
}

const whyNever = (address: Address): string | undefined =>
  neverReachable.find(({ cidrs }) => withinAny(address, cidrs))?.why ??
  (address instanceof ipaddr.IPv6 && !withinAny(address, usableIPv6) ? 'reserved' : undefined);

/** Checks one address in any standard notation; an IPv6 address that embeds an IPv4 one is checked as both. */
export function denialOf(text: string, rules: AddressRules): AddressDenial | null {
  const address = ipaddr.process(text.replace(/%.*$/, ''));
  const embedded = embeddedIPv4(address);
  const forms = [address, ...embedded];

  for (const form of embedded.length > 0 ? embedded : forms) {
    const why = whyNever(form);
    if (why !== undefined) return { address: text, why: `${why}, which is never allowed`, setting: null };
  }
  for (const form of forms) {
    const denied = withinAny(form, rules.deny);
    if (denied) return { address: text, why: `denied by ${denied.text}`, setting: 'UPSTREAM_DENY_CIDRS' };
  }
  if (rules.publicOnly === true) {
    if (!forms.some((form) => withinAny(form, [...privateRanges, ...loopback]))) return null;
    return { address: text, why: 'not public, which a URL of an answer or a request must be', setting: null };
  }
  if (rules.allowLoopback || !forms.some((form) => withinAny(form, loopback))) return null;
  if (forms.some((form) => withinAny(form, rules.allow))) return null;
  return { address: text, why: 'loopback, this machine itself', setting: 'UPSTREAM_ALLOW_CIDRS' };
}
