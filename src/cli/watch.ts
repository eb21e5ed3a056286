import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { type Api, CliError, type Json } from './api.js';
import { isTerminal, print, tableOf } from './output.js';
import { changesBetween, listWorkers, type WorkerFilter, workerColumns } from './workers.js';

/** Between two looks, where the service sends no changes, and for figures that change without one. */
const LOOK_MS = 2_000;
/** Several changes at once are one look. */
const SETTLE_MS = 100;
const RETRY_MS = 2_000;
const CLEAR = '\u001b[H\u001b[2J\u001b[3J';

/** Shows the workers until it is stopped: a table that is drawn anew on a terminal, a line of JSON for each change elsewhere. */
export async function watch(api: Api, filter: WorkerFilter, signal: AbortSignal): Promise<void> {
  let shown: readonly Json[] = await listWorkers(api, filter);
  if (isTerminal()) draw(shown, null);
  else for (const change of changesBetween([], shown)) print(JSON.stringify(change));
  const changes = new Changes(api, signal);
  for (let sinceMs: number | null = null; !signal.aborted;) {
    await changes.next(LOOK_MS);
    if (signal.aborted) return;
    try {
      const rows = await listWorkers(api, filter);
      sinceMs = null;
      if (isTerminal()) draw(rows, null);
      else for (const change of changesBetween(shown, rows)) print(JSON.stringify(change));
      shown = rows;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      sinceMs ??= Date.now();
      if (isTerminal())
        draw(shown, `Not connected since ${new Date(sinceMs).toLocaleTimeString()}: ${error.message}`);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function draw(rows: readonly Json[], problem: string | null): void {
  const height = Math.max(3, (process.stdout.rows || 40) - 3);
  const more = rows.length > height ? `\n… and ${rows.length - height} more` : '';
  const head = problem ?? `${rows.length} workers, ${new Date().toLocaleTimeString()}   ^C ends`;
  process.stdout.write(
    `${CLEAR}${head}\n${tableOf(rows.slice(0, height), workerColumns(Date.now()))}${more}\n`,
  );
}

/** The feed of changes, reconnected for ever; without it `next` only waits. */
class Changes {
  private wake: (() => void) | null = null;

  constructor(
    private readonly api: Api,
    private readonly signal: AbortSignal,
  ) {
    void this.follow();
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
  }

  /** Resolves soon after a change, or after `ms`. */
  async next(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        setTimeout(resolve, this.signal.aborted ? 0 : SETTLE_MS);
      };
    });
    this.wake = null;
  }

  private async follow(): Promise<void> {
    while (!this.signal.aborted) {
      try {
        const { body } = await this.api.send('GET', '/api/v1/changes', undefined, this.signal);
        const parser = createParser({
          onEvent: ({ event }) => {
            if (event === 'worker' || event === 'model') this.wake?.();
          },
        });
        const decoder = new TextDecoder();
        for await (const chunk of body ?? [])
          parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
      } catch {
        // The next look says what is wrong.
      }
      await sleep(RETRY_MS, undefined, { signal: this.signal }).catch(() => {});
    }
  }
}
