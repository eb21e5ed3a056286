import { BlockList, isIP } from 'node:net';
import type { Values } from './variables.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

type Access = Pick<Values, 'HOST' | 'ADMIN_API_KEY' | 'AUTH'>;

/** No key is set and nobody said that none is needed: for the people of one machine. */
export function isProtected({ ADMIN_API_KEY, AUTH }: Access): boolean {
  return ADMIN_API_KEY === null && AUTH !== 'off';
}

export function listeningHost(access: Access): string {
  return access.HOST ?? (isProtected(access) ? '127.0.0.1' : '0.0.0.0');
}

/** `localhost` and addresses; of any other name nobody knows where it leads (127.0.0.1.example.com). */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
