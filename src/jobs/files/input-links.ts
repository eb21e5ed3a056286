import { Injectable } from '@nestjs/common';
import { InvalidInputError } from '../../input/input-errors.js';
import { ForbiddenUpstreamError } from '../../upstream/upstream-errors.js';
import type { PollWorker } from '../engine/poll-workers.js';
import type { JobInput } from '../job.js';
import { imageLinks } from '../job-values.js';
import { FileFetcher } from './file-fetcher.js';

const NO_ORIGINS: ReadonlySet<string> = new Set();

/** Links to images that this service would have to fetch, since a worker takes bytes only. */
@Injectable()
export class InputLinks {
  constructor(private readonly fetcher: FileFetcher) {}

  /** Why a request's links may not be fetched, by the worker that would need it. A name that does not resolve yet may later. */
  async faults(
    workers: readonly PollWorker[],
    input: JobInput,
  ): Promise<ReadonlyMap<PollWorker, InvalidInputError>> {
    const linksOf = new Map(workers.map((worker) => [worker, imageLinks(worker.call, input)]));
    const links = [...new Set([...linksOf.values()].flat())];
    const checked = await Promise.all(
      links.map(async (link) => [link, await this.fault(link, input)] as const),
    );
    const faultOf = new Map(checked);
    const faults = new Map<PollWorker, InvalidInputError>();
    for (const [worker, own] of linksOf)
      for (const link of own) {
        const fault = faultOf.get(link) ?? null;
        if (fault !== null) faults.set(worker, fault);
      }
    return faults;
  }

  private async fault(link: string, { mask }: JobInput): Promise<InvalidInputError | null> {
    try {
      await this.fetcher.check(link, NO_ORIGINS);
      return null;
    } catch (error) {
      if (!(error instanceof ForbiddenUpstreamError)) throw error;
      const problem =
        'its URL leads to an address that this service may not fetch from: send the image itself, or a URL with a public address';
      return new InvalidInputError([{ field: link === mask ? 'mask' : 'image', problem }]);
    }
  }
}
