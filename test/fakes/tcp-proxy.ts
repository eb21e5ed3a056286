import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import { until } from '../until.js';

/** A TCP proxy that can be cut, silenced and opened again on the same port. */
export class TcpProxy {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server = createServer((socket) => this.#carry(socket));
  #port = 0;
  #isDeaf = false;

  /**
   * @param target the address for each new connection
   * @param answers transforms the data from the target
   */
  constructor(
    private readonly target: NetConnectOpts | (() => NetConnectOpts),
    private readonly answers: () => Duplex = () => new PassThrough(),
  ) {}

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  async open(): Promise<void> {
    this.#isDeaf = false;
    if (this.#server.listening) return;
    // While the port was closed, a connection of another process may have taken it for a moment.
    await until(async () => {
      this.#server.listen(this.#port, '127.0.0.1');
      return once(this.#server, 'listening').then(
        () => true,
        (error: { readonly code?: string }) => {
          if (error.code === 'EADDRINUSE') return false;
          throw error;
        },
      );
    });
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Breaks every connection and closes the port. */
  async cut(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    await closed;
  }

  /** Existing connections silently carry no more data; new ones work. */
  silence(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe().pause();
    }
  }

  /** New connections are silent as well, until the proxy is opened again. */
  silenceForGood(): void {
    this.#isDeaf = true;
    this.silence();
  }

  #carry(near: Socket): void {
    const far = connect(typeof this.target === 'function' ? this.target() : this.target);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    if (this.#isDeaf) near.pause();
    else near.pipe(far).pipe(this.answers()).pipe(near);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.once('close', () => {
        near.destroy();
        far.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}

export async function startTcpProxy(target: NetConnectOpts | (() => NetConnectOpts)): Promise<TcpProxy> {
  const proxy = new TcpProxy(target);
  await proxy.open();
  return proxy;
}
