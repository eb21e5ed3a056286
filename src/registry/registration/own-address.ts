import { Injectable } from '@nestjs/common';
import { networkInterfaces } from 'node:os';

/** Paths of this service that a worker may point at: the echo upstream of protected mode. */
const EXCEPTED_PATH = '/echo';

/** Where this service itself listens, so that nobody registers it as its own upstream. */
@Injectable()
export class OwnAddress {
  private port: number | null = null;

  listeningOn(port: number): void {
    this.port = port;
  }

  isOwn(url: string): boolean {
    if (this.port === null) return false;
    const { hostname, port, protocol, pathname } = new URL(url);
    const given = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    if (given !== this.port || pathname === EXCEPTED_PATH) return false;
    const bare = hostname.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:7f.*$/, '127.0.0.1');
    if (/^(.+\.)?localhost\.?$/.test(bare) || bare.startsWith('127.') || bare === '::1') return true;
    return Object.values(networkInterfaces())
      .flat()
      .some((address) => address?.address === bare);
  }
}
