import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isSignedLink } from '../../../access/admission-check.js';
import type { Fields } from '../../../input/json.js';
import type { Job } from '../../../jobs/job.js';
import { publicState } from '../../../jobs/job-view.js';
import { Jobs } from '../../../jobs/jobs.service.js';
import { isValidLink } from '../../../jobs/links/file-links.js';
import { LinkKey } from '../../../jobs/links/link-key.js';
import { InvalidLinkError, JobNotFoundError, NoResultError } from './job-errors.js';

/** Files come from upstreams: whatever they hold must not run as a page of this service. */
const HARMLESS = {
  'content-security-policy': "sandbox; default-src 'none'",
  'cross-origin-resource-policy': 'cross-origin',
  'cache-control': 'private, no-transform',
};
const SHOWN_INLINE = /^(image|video|audio)\//;

const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['image/png', '.png'],
  ['image/jpeg', '.jpg'],
  ['image/webp', '.webp'],
  ['image/gif', '.gif'],
  ['video/mp4', '.mp4'],
  ['video/webm', '.webm'],
  ['audio/mpeg', '.mp3'],
  ['audio/wav', '.wav'],
  ['text/plain', '.txt'],
]);

function extensionOf(type: string): string {
  return EXTENSIONS.get(type.split(';', 1).join().trim().toLowerCase()) ?? '';
}

/** Sends files of jobs. */
@Injectable()
export class FileResponses {
  constructor(
    private readonly jobs: Jobs,
    private readonly linkKey: LinkKey,
  ) {}

  /** @returns whether the request came by a signed link, which was let in without a key. @throws InvalidLinkError */
  async checkLink({ method, url, query }: FastifyRequest, id: string, number: number): Promise<boolean> {
    if (!isSignedLink(method, url)) return false;
    const { expires, signature } = query as Fields;
    const isText = typeof expires === 'string' && typeof signature === 'string';
    const key = await this.linkKey.get();
    if (isText && isValidLink(key, id.toLowerCase(), number, { expires, signature }, Date.now())) return true;
    throw new InvalidLinkError();
  }

  /** @throws NoResultError, JobNotFoundError, and what Jobs.content throws */
  async send(job: Job, number: string, http: FastifyRequest, reply: FastifyReply): Promise<void> {
    const state = publicState(job.state);
    if (state !== 'succeeded')
      throw new NoResultError('job_not_ready', `the job is ${state}: it has no files`);
    if (!/^\d{1,6}$/.test(number)) throw new JobNotFoundError();
    const content = await this.jobs.content(job, Number(number), http.headers.range ?? null);
    const type = content.headers['content-type'] ?? 'application/octet-stream';
    const shown = SHOWN_INLINE.test(type) && !type.includes('svg') ? 'inline' : 'attachment';
    const disposition = `${shown}; filename="${job.id}-${number}${extensionOf(type)}"`;
    await reply
      .code(content.status)
      .headers({
        ...HARMLESS,
        'content-disposition': disposition,
        ...content.headers,
      })
      .send(http.method === 'HEAD' ? unread(content.stream) : content.stream);
  }
}

/** Fastify reads the body of a HEAD to its end, which may be a whole film. */
function unread(stream: Readable): Readable {
  stream.on('error', () => {}).destroy();
  return Readable.from([]);
}
