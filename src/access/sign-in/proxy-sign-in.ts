import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import { AccessSettings, type ProxySettings } from '../../config/settings.js';
import { ForbiddenError, UnauthorizedError } from '../access-errors.js';
import type { Caller } from '../caller.js';
import { type RoleRule, roleOf, roleRulesOf, vouchedCaller } from './role-rules.js';

/** The longest name of a user, in characters. */
const LONGEST_USER = 256;

/** Takes the name of a user from a header that a proxy sets after it signed the user in. */
@Injectable()
export class ProxySignIn {
  private readonly proxy: ProxySettings | null;
  private readonly trusted: BlockList;
  private readonly rules: readonly RoleRule[];

  constructor({ proxy, roleRules }: AccessSettings) {
    this.proxy = proxy;
    this.trusted = blockListOf(proxy?.cidrs ?? []);
    this.rules = roleRulesOf(roleRules);
  }

  /**
   * `null`: no trusted proxy names a user. Only the address of the connection counts: every client can write `x-forwarded-for`.
   * @throws UnauthorizedError, ForbiddenError
   */
  find(raw: IncomingMessage): Caller | null {
    if (this.proxy === null) return null;
    const { userHeader, groupsHeader } = this.proxy;
    const user = raw.headers[userHeader];
    if (typeof user !== 'string' || user === '' || !this.isTrusted(raw.socket.remoteAddress)) return null;
    for (const name of [userHeader, groupsHeader])
      if (name !== null && countOf(name, raw.rawHeaders) > 1)
        throw new UnauthorizedError(
          'invalid_sign_in',
          `the header ${name} occurs more than once: the proxy must remove what a client sends before it sets its own`,
        );
    if (user.length > LONGEST_USER)
      throw new UnauthorizedError(
        'invalid_sign_in',
        `the header ${userHeader} has ${user.length} characters: at most ${LONGEST_USER} are accepted`,
      );
    const vouched = { issuer: 'proxy', user, name: user, groups: groupsIn(raw, groupsHeader) };
    const role = roleOf(vouched, this.rules);
    if (role === null) throw ForbiddenError.noRole(user);
    return vouchedCaller(vouched, role);
  }

  private isTrusted(address: string | undefined): boolean {
    if (address === undefined) return false;
    // A socket that listens on :: shows IPv4 so.
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const family = isIP(plain);
    return family !== 0 && this.trusted.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  }
}

function groupsIn({ headers }: IncomingMessage, name: string | null): readonly string[] {
  const text = name === null ? undefined : headers[name];
  if (typeof text !== 'string') return [];
  return text
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
}

/** Node.js joins the values of a header that comes twice, and a client's would count beside the proxy's. */
function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', length] = cidr.split('/', 2);
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}
