import { createHmac } from 'node:crypto';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { webhookKey, WebhookSettings } from '../../config/job-settings.js';
import { DatabaseConnection } from '../../database/database-connection.js';
import { Notifications } from '../../database/notifications.js';
import { PeriodicTask } from '../../replicas/periodic-task.js';
import type { UpstreamTimeouts } from '../../upstream/timeouts.js';
import { UpstreamClient } from '../../upstream/upstream-client.js';
import { jobView } from '../job-view.js';
import { Jobs } from '../jobs.service.js';
import { type ClaimedWebhook, type WebhookResult, WebhookTable } from './webhook-table.js';

const AT_ONCE = 16;
/** Receivers answer first and work later [Standard Webhooks, Deliverability: 15 to 30 s]. */
const TIMEOUTS: UpstreamTimeouts = { connectMs: 5_000, firstByteMs: 15_000, idleMs: 5_000, totalMs: 15_000 };
/** In the payload of a notification: the id, and the new state. */
const ENDED = / (succeeded|failed|cancelled)$/;
/** Jobs that end together are reported together. */
const GATHER_MS = 50;
const HOUR_MS = 3_600_000;
/** Reports are kept so long after their end. */
const RETENTION_MS = 7 * 24 * HOUR_MS;

/** Sends the reports of ended jobs. Any replica sends any report; a lease keeps others from sending it, too. */
@Injectable()
export class WebhookSender implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Webhooks');
  private readonly key: Buffer | null;
  private readonly rounds: PeriodicTask;
  private lastFault = '';

  constructor(
    private readonly table: WebhookTable,
    private readonly jobs: Jobs,
    private readonly upstream: UpstreamClient,
    private readonly connection: DatabaseConnection,
    private readonly settings: WebhookSettings,
    notifications: Notifications,
  ) {
    this.key = settings.secret === null ? null : webhookKey(settings.secret);
    this.rounds = new PeriodicTask(() => this.turn());
    if (this.key === null) return;
    notifications.subscribe('job_changed', {
      onNotify: (payload) => {
        if (ENDED.test(payload)) this.rounds.runWithin(GATHER_MS);
      },
    });
  }

  onApplicationBootstrap(): void {
    if (this.key !== null) this.connection.onConnected(() => this.rounds.runWithin(this.settings.tickMs));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.rounds.stop();
  }

  @Interval(HOUR_MS)
  async purge(): Promise<void> {
    await this.table
      .purge(RETENTION_MS)
      .catch((error: unknown) => this.logger.debug(`ended webhooks were not deleted: ${String(error)}`));
  }

  private async turn(): Promise<number> {
    const { key } = this;
    if (key === null) return HOUR_MS;
    try {
      const claimed = await this.table.claim(AT_ONCE);
      await Promise.all(claimed.map((webhook) => this.deliver(key, webhook)));
      this.lastFault = '';
      return claimed.length === AT_ONCE ? 0 : this.settings.tickMs;
    } catch (error) {
      // A report whose result was not recorded is sent again when its lease is over.
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.lastFault) this.logger.warn(`webhooks wait: ${fault}`);
      this.lastFault = fault;
      return this.settings.tickMs;
    }
  }

  private async deliver(key: Buffer, webhook: ClaimedWebhook): Promise<void> {
    const body = webhook.body ?? (await this.write(webhook));
    const result = body === null ? DELETED : await this.send(key, webhook, body);
    await this.table.record(webhook, result);
    if (!result.delivered && result.nextInMs === null)
      this.logger.warn(`the webhook of job ${webhook.job_id} is not tried again: ${result.error}`);
  }

  /** @returns `null`: the job was deleted */
  private async write(webhook: ClaimedWebhook): Promise<string | null> {
    const job = await this.jobs.find(webhook.job_id);
    if (job === null) return null;
    const timestamp = (job.endedAt ?? new Date()).toISOString();
    const body = JSON.stringify({ type: `job.${webhook.state}`, timestamp, data: jobView(job) });
    await this.table.keepBody(webhook, body);
    return body;
  }

  private async send(key: Buffer, webhook: ClaimedWebhook, body: string): Promise<WebhookResult> {
    const { origin, pathname, search } = new URL(webhook.url);
    const id = `job_${webhook.job_id}_${webhook.state}`;
    const signed = signWebhook(key, id, Math.floor(Date.now() / 1000), body);
    try {
      const answer = await this.upstream.open(
        {
          method: 'POST',
          origin,
          path: pathname + search,
          headers: { 'content-type': 'application/json', ...signed },
          body,
          timeouts: TIMEOUTS,
        },
        null,
        0,
      );
      answer.discard();
      return this.resultOf(webhook, answer.status);
    } catch (error) {
      return this.failed(webhook, null, error instanceof Error ? error.message : String(error));
    }
  }

  private resultOf(webhook: ClaimedWebhook, status: number): WebhookResult {
    if (status >= 200 && status < 300) return { delivered: true, status, error: '', nextInMs: null };
    // The receiver is gone for good [Standard Webhooks, Status codes].
    if (status === 410)
      return { delivered: false, status, error: 'the receiver answered 410', nextInMs: null };
    const redirects = status >= 300 && status < 400 ? '; redirects are not followed' : '';
    return this.failed(webhook, status, `the receiver answered ${status}${redirects}`);
  }

  private failed({ tries }: ClaimedWebhook, status: number | null, error: string): WebhookResult {
    return { delivered: false, status, error, nextInMs: this.settings.pausesMs[tries - 1] ?? null };
  }
}

const DELETED: WebhookResult = {
  delivered: false,
  status: null,
  error: 'the job was deleted before its report was sent',
  nextInMs: null,
};

/** The headers by which a receiver knows the message, its time and its sender [Standard Webhooks, Signature scheme]. */
export function signWebhook(
  key: Buffer,
  id: string,
  timestampS: number,
  body: string,
): Record<string, string> {
  const signature = createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': `v1,${signature}`,
  };
}
