import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';

/** A way to another server that can be cut, silenced and opened again on the same port. */
export class TcpProxy {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server = createServer((socket) => this.#carry(socket));
  #port = 0;
  #isDeaf = false;
  #bytesSent = 0;

  /**
   * @param target may be another one for each connection
   * @param answers what the target says goes through
   */
  constructor(
    private readonly target: NetConnectOpts | (() => NetConnectOpts),
    private readonly answers: () => Duplex = () => new PassThrough(),
  ) {}

  get port(): number {
    return this.#port;
  }

  /** What clients have sent so far. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  async open(): Promise<void> {
    this.#isDeaf = false;
    if (this.#server.listening) return;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Every connection breaks and the port refuses. */
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

  /** The connections there are carry nothing any more and say nothing of it; new ones work. */
  silence(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe().pause();
    }
  }

  /** So do new ones, until it is opened again. */
  silenceForGood(): void {
    this.#isDeaf = true;
    this.silence();
  }

  #carry(near: Socket): void {
    const far = connect(typeof this.target === 'function' ? this.target() : this.target);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.on('data', (chunk: Buffer) => (this.#bytesSent += chunk.length));
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
