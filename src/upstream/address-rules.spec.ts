import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { InvalidCidrError, parseCidr, denialOf, type AddressRules } from './address-rules.js';

const rules = (given: { allow?: string[]; deny?: string[]; allowLoopback?: boolean } = {}): AddressRules => ({
  allow: (given.allow ?? []).map((text) => parseCidr(text)),
  deny: (given.deny ?? []).map((text) => parseCidr(text)),
  allowLoopback: given.allowLoopback ?? false,
});
const everything = rules({ allow: ['0.0.0.0/0', '::/0'], allowLoopback: true });

const isOpen = (address: string, allow: string[]): boolean => denialOf(address, rules({ allow })) === null;

const ipv4 = fc.ipV4();
const hex = (address: string, flip = 0): string =>
  address
    .split('.')
    .map((part) => (Number(part) ^ flip).toString(16).padStart(2, '0'))
    .join('')
    .replace(/^(....)(....)$/, '$1:$2');
/** Every way to write an IPv4 address inside an IPv6 one. */
const carried = (address: string): string[] => [
  `::ffff:${address}`,
  `::ffff:${hex(address)}`,
  `0:0:0:0:0:FFFF:${hex(address)}`,
  `::ffff:0:${hex(address)}`,
  `64:ff9b::${hex(address)}`,
  `2002:${hex(address)}::1`,
  `2001:0:${hex(address)}::f7f7:f7f7`, // Teredo server, client 8.8.8.8
  `2001:0:808:808::${hex(address, 0xff)}`, // Teredo client
];

describe('address rules, for any address', () => {
  it('give an IPv4 address the same verdict in every IPv6 form', () => {
    const given = rules({ deny: ['10.0.0.0/9'], allow: ['127.0.0.1'] });
    fc.assert(
      fc.property(ipv4, (address) => {
        fc.pre(!address.startsWith('0.0.0.')); // ::ffff:0:0 and :: have meanings of their own
        const plain = denialOf(address, given) === null;
        for (const text of carried(address))
          expect([text, denialOf(text, given) === null]).toEqual([text, plain]);
      }),
      { numRuns: 500 },
    );
  });

  it('never allow the addresses that are always denied', () => {
    const never = fc.oneof(
      ...['169.254.%.%', '224.%.%.%', '240.%.%.%', '0.%.%.%', '198.18.%.%'].map((pattern) =>
        fc
          .array(fc.nat(255), { minLength: 4, maxLength: 4 })
          .map((bytes) => pattern.replaceAll('%', () => String(bytes.pop()))),
      ),
      fc.constantFrom(
        '168.63.129.16',
        '100.100.100.200',
        'fd00:ec2::254',
        'fe80::1%eth0',
        'ff02::1',
        '::',
        '4000::1',
      ),
    );
    fc.assert(
      fc.property(never, (address) => {
        expect(denialOf(address, everything)).toMatchObject({ address, setting: null });
      }),
    );
  });

  it('apply DENY before ALLOW', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        expect(denialOf(address, rules({ allow: ['0.0.0.0/0'], deny: ['0.0.0.0/0'] }))).not.toBeNull();
      }),
    );
  });

  it('deny with ALLOW only addresses that are denied without it', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, fc.ipV6()), ipv4, (address, other) => {
        expect(Number(isOpen(address, [other]))).toBeGreaterThanOrEqual(Number(isOpen(address, [])));
      }),
    );
  });
});

describe('address rules', () => {
  it.each([
    '10.0.0.3',
    '172.16.9.1',
    '192.168.1.7',
    '100.64.0.9',
    'fd12:3456::1',
    '8.8.8.8',
    '2606:4700::1111',
  ])('allow %s, since workers often have private addresses', (address) =>
    expect(denialOf(address, rules())).toBeNull(),
  );

  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::127.0.0.1',
  ])('deny the loopback address %s, and name the setting that allows it', (address) => {
    expect(denialOf(address, rules())).toMatchObject({ address, setting: 'UPSTREAM_ALLOW_CIDRS' });
    expect(denialOf(address, rules({ allowLoopback: true }))).toBeNull();
    expect(denialOf(address, rules({ allow: ['127.0.0.0/8', '::1'] }))).toBeNull();
    expect(denialOf(address, rules({ allowLoopback: true, deny: ['127.0.0.0/8', '::1'] }))).not.toBeNull();
  });

  it('name the range that denies', () => {
    const refusal = denialOf('10.1.2.3', rules({ deny: ['10.0.0.0/8'] }));
    expect(refusal).toEqual({
      address: '10.1.2.3',
      why: 'denied by 10.0.0.0/8',
      setting: 'UPSTREAM_DENY_CIDRS',
    });
  });

  it('distinguish fd00:ec2::254 from its neighbour', () => {
    expect(denialOf('fd00:ec2::254', everything)?.why).toContain('metadata');
    expect(denialOf('fd00:ec2::253', rules())).toBeNull();
  });

  it('read a mapped range as the IPv4 range it is', () => {
    expect(denialOf('10.1.2.3', rules({ deny: ['::ffff:10.0.0.0/104'] }))).not.toBeNull();
    expect(denialOf('11.1.2.3', rules({ deny: ['::ffff:10.0.0.0/104'] }))).toBeNull();
  });

  it.each([
    '',
    '10',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/9',
    '10.0.0.0/-1',
    'host/8',
    '::/129',
    '0x7f.1/8',
  ])('reject "%s" as a range, with an example of a range', (text) => {
    expect(() => parseCidr(text)).toThrow(InvalidCidrError);
    expect(() => parseCidr(text)).toThrow(/10\.0\.0\.0\/8/);
  });
});
