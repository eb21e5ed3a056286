import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { JobSettings } from '../../config/job-settings.js';
import type { KnownValues, PollCall } from '../../registry/poll.js';
import { UpstreamError } from '../../upstream/failure.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { type UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import { readRange } from './byte-range.js';
import { FileFetcher } from './file-fetcher.js';
import { NoSuchFileError } from '../job-errors.js';
import { JobFiles } from './job-files.js';
import { withTimeout } from '../engine/job-looks.js';
import { filesOf, type StoredFile } from '../job-rows.js';
import { type JobContentRow, JobTable } from '../job-table.js';
import { JobWorkers } from '../engine/job-workers.js';
import { isPollWorker, knownValues } from '../engine/poll-workers.js';
import { ResultFetcher } from './result-fetcher.js';

/** The bytes of a file, or of a range of it, with the headers of an HTTP answer. */
export interface FileContent {
  readonly status: 200 | 206 | 416;
  /** Names in lower case: content-type, content-length, content-range, accept-ranges. */
  readonly headers: Readonly<Record<string, string>>;
  readonly stream: Readable;
}

/** A URL that answers so has expired: a new one is requested from the upstream. */
const EXPIRED: ReadonlySet<number> = new Set([403, 404, 410]);
const COPIED_HEADERS = ['content-type', 'content-length', 'content-range', 'accept-ranges'] as const;
const OCTETS = 'application/octet-stream';

/** A job's worker and what a request to it needs. */
interface Source {
  readonly poll: PollCall;
  readonly known: KnownValues;
}

/** Serves the files of finished jobs: from `job_file`, or streamed from the upstream through the guard. */
@Injectable()
export class JobContents {
  constructor(
    private readonly table: JobTable,
    private readonly files: JobFiles,
    private readonly workers: JobWorkers,
    private readonly fetcher: FileFetcher,
    private readonly results: ResultFetcher,
    private readonly client: UpstreamClient,
    private readonly settings: JobSettings,
  ) {}

  /** @throws NoSuchFileError, UpstreamError, DatabaseUnavailableError */
  async open(jobId: string, number: number, range: string | null): Promise<FileContent> {
    const job = await this.table.contentOf(jobId);
    const file = filesOf(job?.result)[number];
    if (job === undefined || file === undefined)
      throw new NoSuchFileError(
        `there is no file ${number} of this job: it has not succeeded, or has fewer files`,
      );
    if (file.copy !== null && file.bytes !== null)
      return this.stored(job, number, file, file.copy, file.bytes, range);
    return answerOf(await this.fromUpstream(job, number, file, range), file);
  }

  private stored(
    { id }: JobContentRow,
    number: number,
    { type }: StoredFile,
    copy: number,
    bytes: number,
    range: string | null,
  ): FileContent {
    const found = readRange(range, bytes);
    const headers = { 'content-type': type ?? OCTETS, 'accept-ranges': 'bytes' };
    if (found === 'unsatisfiable')
      return {
        status: 416,
        headers: { ...headers, 'content-range': `bytes */${bytes}`, 'content-length': '0' },
        stream: Readable.from([]),
      };
    const { first, last } = found ?? { first: 0, last: bytes - 1 };
    const stream = Readable.from(this.files.read({ jobId: id, number, copy }, first, last), {
      objectMode: false,
    });
    const length = { 'content-length': String(last - first + 1) };
    if (found === null) return { status: 200, headers: { ...headers, ...length }, stream };
    return {
      status: 206,
      headers: { ...headers, ...length, 'content-range': `bytes ${first}-${last}/${bytes}` },
      stream,
    };
  }

  private async fromUpstream(
    job: JobContentRow,
    number: number,
    file: StoredFile,
    range: string | null,
  ): Promise<OpenAnswer> {
    const source = await this.sourceOf(job);
    if (file.url === null) {
      if (source === null) throw gone();
      return fileOrError(await this.opened(await this.requestOf(source, number), source, range));
    }
    const origins = source?.poll.origins ?? (await this.workers.originsOf(job.worker_id));
    const answer = await this.fetcher.open(this.asFile(callOf(file.url, source)), origins, range, null);
    if (!EXPIRED.has(answer.status) || source === null) return fileOrError(answer);
    answer.discard();
    const files = await this.renewed(job, source);
    const url = files[number]?.url;
    if (url === undefined || url === null) throw gone();
    return fileOrError(await this.opened(callOf(url, source), source, range));
  }

  /** Requests the result from the upstream once more: its URLs are new. */
  private async renewed(job: JobContentRow, { poll, known }: Source): Promise<readonly StoredFile[]> {
    const answer = await this.doneAnswer({ poll, known });
    const outcome = await this.results.fetch(
      { jobId: job.id, copy: 0 },
      poll,
      answer,
      known,
      new AbortController().signal,
    );
    if (outcome.kind !== 'files') throw gone();
    await this.table.renewResult(job.id, outcome.files);
    return outcome.files;
  }

  /** The request whose answer is the file. */
  private async requestOf({ poll, known }: Source, number: number): Promise<UpstreamCall> {
    const plan = poll.result(await this.doneAnswer({ poll, known }), known);
    const request = plan.kind === 'requests' ? plan.requests[number] : undefined;
    if (request === undefined) throw gone();
    return request;
  }

  private async doneAnswer({ poll, known }: Source): Promise<unknown> {
    const { status, headers, bytes } = await this.client.send(
      withTimeout(poll.status(known), this.settings.lookTimeoutMs),
      null,
    );
    const reading = poll.readStatus({ status, headers, body: bytes }, known);
    if (reading.kind !== 'done') throw gone();
    return reading.answer;
  }

  private opened(call: UpstreamCall, source: Source, range: string | null): Promise<OpenAnswer> {
    return this.fetcher.open(this.asFile(call), source.poll.origins, range, null);
  }

  /** A file may be long, but not silent. */
  private asFile(call: UpstreamCall): UpstreamCall {
    const { silenceMs } = this.settings;
    return {
      ...call,
      timeouts: {
        connectMs: Math.min(call.timeouts.connectMs, silenceMs),
        firstByteMs: silenceMs,
        idleMs: silenceMs,
        totalMs: LONGEST_MS,
      },
    };
  }

  private async sourceOf(job: JobContentRow): Promise<Source | null> {
    const worker = job.worker_id === null ? null : await this.workers.of(job.worker_id);
    if (worker === null || !isPollWorker(worker)) return null;
    const known = knownValues(worker, {
      id: job.id,
      modelName: job.model_name,
      requestId: job.request_id,
      kept: job.kept,
    });
    return { poll: worker.call.poll, known };
  }
}

/** A client that reads slowly must not keep a file open for ever. */
const LONGEST_MS = 3_600_000;

function gone(): NoSuchFileError {
  return new NoSuchFileError('the upstream no longer has this file');
}

/** Without a worker, a plain request that carries nothing of this service but its name. */
function callOf(url: string, source: Source | null): UpstreamCall {
  if (source !== null) return source.poll.file(url, source.known);
  if (!URL.canParse(url)) throw gone();
  const { origin, pathname, search } = new URL(url);
  return {
    method: 'GET',
    origin,
    path: pathname + search,
    headers: { 'accept-encoding': 'identity', 'user-agent': 'multi-model-manager' },
    body: null,
    timeouts: { connectMs: 10_000, firstByteMs: null, idleMs: null, totalMs: LONGEST_MS },
  };
}

function fileOrError(answer: OpenAnswer): OpenAnswer {
  const { status } = answer;
  if (status === 200 || status === 206 || status === 416) return answer;
  answer.discard();
  if (EXPIRED.has(status)) throw gone();
  throw new UpstreamRejectedError(status, { message: `the upstream answered ${status} for the file` });
}

function answerOf(answer: OpenAnswer, file: StoredFile): FileContent {
  const headers: Record<string, string> = { 'content-type': file.type ?? OCTETS };
  for (const name of COPIED_HEADERS) {
    const value = answer.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const status = answer.status === 206 ? 206 : answer.status === 416 ? 416 : 200;
  return { status, headers, stream: streamOf(answer) };
}

function streamOf(answer: OpenAnswer): Readable {
  const stream = new Readable({
    read: () => answer.resume(),
    destroy: (error, done) => {
      answer.discard();
      done(error);
    },
  });
  answer
    .pipeTo({ chunk: (chunk) => stream.push(chunk) })
    .then(() => stream.push(null))
    .catch((error: unknown) =>
      stream.destroy(error instanceof Error ? error : new UpstreamError('broken', String(error))),
    );
  return stream;
}
