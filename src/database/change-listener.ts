import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type DatabaseAddress, pgOptions } from './data-source.js';
import { DatabaseClient, hangUp } from './database-client.js';

export interface ChangeListenerOptions {
  readonly address: DatabaseAddress;
  readonly channels: readonly string[];
  /** Called with each payload, which is only a hint to read again: a NOTIFY can be lost. */
  readonly onNotify: (payload: string, channel: string) => void;
  /** Called after each successful LISTEN: earlier notifications were missed. */
  readonly onListening: () => void;
  readonly onLost?: (error: Error) => void;
  /** Sends a NOTIFY through another connection, to test once whether this one receives it. */
  readonly notify?: (channel: string, payload: string) => Promise<unknown>;
  /** LISTEN succeeded and the test NOTIFY did not arrive: the connection leads through a transaction pooler. */
  readonly onDeaf?: () => void;
  /** How often the connection is tested: a half-open socket looks alive for ever. */
  readonly proofMs?: number;
  /** The timeout of that test, of LISTEN, and of the test NOTIFY. */
  readonly answerMs?: number;
  /** 0 to 1; the jitter of reconnecting. */
  readonly random?: () => number;
}

const RECONNECT_BASE_MS = 250;
const RECONNECT_MAX_MS = 10_000;

/** LISTENs on a connection of its own and reconnects whenever it is lost. */
export class ChangeListener {
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;

  constructor(private readonly options: ChangeListenerOptions) {}

  start(): void {
    this.running ??= this.keepListening();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async keepListening(): Promise<void> {
    const { random = Math.random, onLost } = this.options;
    let failures = 0;
    while (!this.stopping.signal.aborted) {
      try {
        await this.listenOnce(() => (failures = 0));
      } catch (error) {
        onLost?.(error instanceof Error ? error : new Error(String(error)));
      }
      const delayMs = Math.min(RECONNECT_MAX_MS, RECONNECT_BASE_MS * 2 ** failures) * (0.5 + random());
      failures += 1;
      await this.pause(delayMs);
    }
  }

  /** Returns when stopped, throws when the connection is lost. */
  private async listenOnce(onListening: () => void): Promise<void> {
    const { address, channels, onNotify, proofMs = 10_000, answerMs = 5_000 } = this.options;
    const socket = new Socket();
    const client = new DatabaseClient({
      ...pgOptions(address, 'listen'),
      query_timeout: answerMs,
      stream: () => socket,
    });
    const lost = new Promise<never>((_resolve, reject) => {
      client.on('error', reject);
      client.on('end', () => reject(new Error('the listening connection ended')));
    });
    // Awaited only once connected; until then connect() itself reports.
    lost.catch(() => {});
    // A channel without other listeners.
    const proof = `mmm_proof_${randomUUID()}`;
    let hasHeard = false;
    client.on('notification', ({ channel, payload }) => {
      if (channel === proof) hasHeard = true;
      else onNotify(payload ?? '', channel);
    });
    try {
      await client.connect();
      const names = [...channels, proof].map((name) => `LISTEN ${pg.escapeIdentifier(name)}`);
      await client.query(names.join(';'));
      onListening();
      this.options.onListening();
      void this.proveHearing(proof, answerMs, lost, () => hasHeard);
      while (!this.stopping.signal.aborted) {
        await Promise.race([this.pause(proofMs), lost]);
        if (!this.stopping.signal.aborted) await Promise.race([client.prove(), lost]);
      }
    } finally {
      await hangUp(client, socket);
    }
  }

  /** Reports once if the test NOTIFY does not arrive. If it cannot be sent, nothing is known. */
  private async proveHearing(
    channel: string,
    answerMs: number,
    lost: Promise<never>,
    hasHeard: () => boolean,
  ): Promise<void> {
    const { notify, onDeaf } = this.options;
    if (notify === undefined) return;
    try {
      await notify(channel, '');
      await Promise.race([this.pause(answerMs), lost]);
    } catch {
      return;
    }
    if (!hasHeard() && !this.stopping.signal.aborted) onDeaf?.();
  }

  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal, ref: false }).catch(() => {});
  }
}
