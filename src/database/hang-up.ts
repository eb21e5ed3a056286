import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

const LONGEST_FAREWELL_MS = 500;

/** Ends a connection without waiting for a peer that is silent, and leaves no socket behind. */
export async function hangUp(client: pg.Client, socket: Socket): Promise<void> {
  await Promise.race([client.end().catch(() => {}), sleep(LONGEST_FAREWELL_MS)]);
  socket.destroy();
}
