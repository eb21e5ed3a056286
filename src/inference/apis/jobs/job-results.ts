import { Injectable } from '@nestjs/common';
import { UpstreamSettings } from '../../../config/settings.js';
import type { Job, JobFile } from '../../../jobs/job.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { signedFilePath } from '../../../jobs/links/file-links.js';
import { LinkKey } from '../../../jobs/links/link-key.js';
import { tooLarge } from '../../../upstream/whole-answer.js';
import type { FastifyRequest } from 'fastify';

/** How long a link works whose file has no time of deletion. */
const LINK_S = 86_400;

/** The files of a job that succeeded, as an answer needs them. */
@Injectable()
export class JobResults {
  constructor(
    private readonly jobs: Jobs,
    private readonly linkKey: LinkKey,
    private readonly settings: UpstreamSettings,
  ) {}

  /** Where each file is: at the upstream, or behind a link of this service that needs no key and ends with the job. */
  async urls(job: Job, baseUrl: string): Promise<readonly string[]> {
    if (job.files.every(({ url }) => url !== null)) return job.files.map(({ url }) => url ?? '');
    const key = await this.linkKey.get();
    const expiresS = Math.floor(expiryMs(job) / 1000);
    return job.files.map(({ url, number }) => url ?? baseUrl + signedFilePath(key, job.id, number, expiresS));
  }

  /** @param before bytes of the same answer so far. @throws UpstreamError too_large beyond MAX_RESPONSE_BYTES, and what fetching it throws */
  async bytes(job: Job, file: JobFile, before = 0): Promise<Buffer> {
    const { stream } = await this.jobs.content(job, file.number, null);
    const { maxResponseBytes } = this.settings;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (before + size > maxResponseBytes) throw tooLarge(maxResponseBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }
}

/** A time that was set by hand may be infinity. */
function expiryMs({ expiresAt }: Job): number {
  const ms = Number(expiresAt ?? NaN);
  return Number.isFinite(ms) ? ms : Date.now() + LINK_S * 1000;
}

/**
 * Scheme and host by which the client reached this service, for links in its own answer. A proxy in front sends them in
 * `X-Forwarded-*`; a client that forges them misleads only itself.
 */
export function baseUrlOf({
  headers,
  protocol,
  host,
}: Pick<FastifyRequest, 'headers' | 'protocol' | 'host'>): string {
  const scheme = first(headers['x-forwarded-proto']);
  const forwarded = first(headers['x-forwarded-host']);
  const isHttp = scheme === 'http' || scheme === 'https';
  const named = HOST.test(forwarded) ? forwarded : host;
  return `${isHttp ? scheme : protocol}://${named}`;
}

const HOST = /^[A-Za-z0-9._~-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/;
function first(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : (header?.[0] ?? '');
  return text.split(',', 1).join('').trim();
}
