import { Injectable } from '@nestjs/common';
import { networkInterfaces } from 'node:os';

/** A worker may point at this path of the service: the echo upstream of protected mode. */
const ECHO_PATH = '/echo';

/** The address this service listens on, which no worker may have. */
@Injectable()
export class OwnAddress {
  private port: number | null = null;

  listeningOn(port: number): void {
    this.port = port;
  }

  isOwn(url: string): boolean {
    if (this.port === null) return false;
    const { hostname, port, protocol, pathname } = new URL(url);
    const urlPort = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    if (urlPort !== this.port || pathname === ECHO_PATH) return false;
    const bare = hostname.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:7f.*$/, '127.0.0.1');
    if (/^(.+\.)?localhost\.?$/.test(bare) || bare.startsWith('127.') || bare === '::1') return true;
    return Object.values(networkInterfaces())
      .flat()
      .some((address) => address?.address === bare);
  }
}
