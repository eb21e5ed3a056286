import { Injectable, Logger } from '@nestjs/common';
import { JobSettings } from '../../config/job-settings.js';
import { parseDataUrl } from '../../input/data-url.js';
import type { KnownValues, PollCall, ResultFile, ResultPlan } from '../../registry/poll.js';
import type { CancelSignal } from '../../upstream/exchange.js';
import { UpstreamError } from '../../upstream/failure.js';
import { mediaType } from '../../upstream/headers.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { FileFetcher, FORBIDDEN_FILE, forbiddenReason } from './file-fetcher.js';
import { JobFiles } from './job-files.js';
import { typeBySignature } from './media-signature.js';
import type { StoredFile } from '../job-rows.js';
import type { JobErrorCode } from '../job.js';

export type ResultOutcome =
  | { readonly kind: 'files'; readonly files: readonly StoredFile[] }
  | { readonly kind: 'again'; readonly note: string; readonly retryAfterMs: number | null }
  /** Its URL does not work: the answer to another status may hold a new one. */
  | { readonly kind: 'refused'; readonly note: string }
  | { readonly kind: 'failed'; readonly code: JobErrorCode; readonly message: string };

/** Ends the fetching of a result. */
class ResultStop extends Error {
  constructor(readonly outcome: ResultOutcome) {
    super('the result cannot be fetched');
  }
}

/** An upstream may list a file before it has stored it. */
const EMPTY = 'its file is empty';

/** Such a 4xx passes; after any other the URL does not work. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/** The job whose result it is, and the fence under which its files are written. */
interface Target {
  readonly jobId: string;
  readonly copy: number;
}

const again = (note: string, retryAfterMs: number | null = null): ResultStop =>
  new ResultStop({ kind: 'again', note, retryAfterMs });
const failure = (code: JobErrorCode, message: string): ResultStop =>
  new ResultStop({ kind: 'failed', code, message });

/** Fetches what a finished task has made, and stores what must be stored. */
@Injectable()
export class ResultFetcher {
  private readonly logger = new Logger('Jobs');

  constructor(
    private readonly fetcher: FileFetcher,
    private readonly files: JobFiles,
    private readonly settings: JobSettings,
  ) {}

  /** What broke off is deleted: each try stores a copy of its own. @param answer of the status that reported done @throws what rendering a request throws, DatabaseUnavailableError */
  async fetch(
    target: Target,
    poll: PollCall,
    answer: unknown,
    known: KnownValues,
    signal: CancelSignal,
  ): Promise<ResultOutcome> {
    let outcome: ResultOutcome | null = null;
    try {
      outcome = await this.tried(target, poll, answer, known, signal);
      return outcome;
    } finally {
      // Without the database, the next try or the end of the job's time deletes it. Copy 0 renews a finished job's files.
      if (outcome?.kind !== 'files' && target.copy > 0) await this.files.deleteCopies(target).catch(() => {});
    }
  }

  private async tried(
    target: Target,
    poll: PollCall,
    answer: unknown,
    known: KnownValues,
    signal: CancelSignal,
  ): Promise<ResultOutcome> {
    try {
      const plan = poll.result(answer, known);
      const files = await this.filesOf(target, poll, plan, known, signal);
      if (files.length === 0)
        return { kind: 'failed', code: 'result_missing', message: 'it is done, without a file' };
      return { kind: 'files', files };
    } catch (error) {
      if (error instanceof ResultStop) return error.outcome;
      const forbidden = forbiddenReason(error);
      if (forbidden !== null) {
        this.logger.warn(`job ${target.jobId} has a file that may not be fetched: ${forbidden}`);
        return {
          kind: 'failed',
          code: 'result_forbidden',
          message: `${FORBIDDEN_FILE}. If its files belong there, list the origin in poll.origins`,
        };
      }
      if (error instanceof UpstreamError) return { kind: 'again', note: error.forClient, retryAfterMs: null };
      throw error;
    }
  }

  /** Stores the files of a call, or of a result that came with the answer. @throws ResultStop's, UpstreamError, ForbiddenUpstreamError */
  async store(
    target: Target,
    found: readonly ResultFile[],
    source: { readonly poll: PollCall; readonly known: KnownValues } | null,
    signal: CancelSignal,
    from = 0,
    /** Of a worker without `poll`: its own. */
    ownOrigins: ReadonlySet<string> = new Set(),
  ): Promise<readonly StoredFile[]> {
    const stored: StoredFile[] = [];
    for (const [index, file] of found.entries()) {
      const place = { jobId: target.jobId, number: from + index, copy: target.copy };
      // Some upstreams answer with a data URL where others give an http URL.
      const data = file.kind === 'base64' ? file : parseDataUrl(file.url);
      if (data !== null) {
        const bytes = Buffer.from(data.base64, 'base64');
        if (bytes.length > this.settings.resultBytes) throw failure('result_unreachable', this.tooLarge());
        await this.files.write(place, bytes);
        const type = data.type ?? typeBySignature(bytes);
        stored.push({ url: null, type, bytes: bytes.length, copy: target.copy });
        continue;
      }
      if (file.kind !== 'url') continue;
      const origins = source?.poll.origins ?? ownOrigins;
      await this.fetcher.check(file.url, origins);
      if (source?.poll.store === true)
        stored.push(await this.copy(place, source.poll.file(file.url, source.known), origins, signal));
      else stored.push({ url: file.url, type: null, bytes: null, copy: null });
    }
    return stored;
  }

  private async filesOf(
    target: Target,
    poll: PollCall,
    plan: ResultPlan,
    known: KnownValues,
    signal: CancelSignal,
  ): Promise<readonly StoredFile[]> {
    if (plan.kind === 'missing') throw failure('result_missing', plan.message);
    if (plan.kind === 'files') return this.store(target, plan.files, { poll, known }, signal);
    const files: StoredFile[] = [];
    for (const request of plan.requests) {
      const place = { jobId: target.jobId, number: files.length, copy: target.copy };
      if (poll.as === 'bytes') files.push(await this.bytesOf(place, request, poll, known, signal));
      else {
        const found = await this.readWhole(request, poll, known, signal);
        files.push(...(await this.store(target, found, { poll, known }, signal, files.length)));
      }
    }
    return files;
  }

  /** A request whose answer is the file: copied, or only looked at, so that `/content` can stream it later. */
  private async bytesOf(
    place: Target & { readonly number: number },
    request: UpstreamCall,
    poll: PollCall,
    known: KnownValues,
    signal: CancelSignal,
  ): Promise<StoredFile> {
    const answer = await this.fetcher.open(request, poll.origins, null, signal);
    if (answer.status < 200 || answer.status > 299) throw await this.notAFile(answer, poll, known);
    const type = mediaType(answer.headers) || null;
    if (!poll.store) {
      const length = Number(answer.headers['content-length'] ?? NaN);
      answer.discard();
      if (length === 0 || answer.status === 204) throw again(EMPTY);
      return { url: null, type, bytes: Number.isSafeInteger(length) ? length : null, copy: null };
    }
    return { url: null, type, bytes: await this.sizeOfCopy(place, answer), copy: place.copy };
  }

  private async copy(
    place: Target & { readonly number: number },
    call: UpstreamCall,
    origins: ReadonlySet<string>,
    signal: CancelSignal,
  ): Promise<StoredFile> {
    const answer = await this.fetcher.open(call, origins, null, signal);
    if (answer.status < 200 || answer.status > 299) {
      answer.discard();
      const note = `its file answered ${answer.status}`;
      throw PASSING.has(answer.status) || answer.status >= 500
        ? again(note)
        : new ResultStop({ kind: 'refused', note });
    }
    const type = mediaType(answer.headers) || null;
    return { url: null, type, bytes: await this.sizeOfCopy(place, answer), copy: place.copy };
  }

  private async sizeOfCopy(place: Target & { readonly number: number }, answer: OpenAnswer): Promise<number> {
    try {
      const size = await this.files.copy(place, answer, this.settings.resultBytes);
      if (size === 0) throw again(EMPTY);
      return size;
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'too_large')
        throw failure('result_unreachable', this.tooLarge());
      throw error;
    }
  }

  private async readWhole(
    request: UpstreamCall,
    poll: PollCall,
    known: KnownValues,
    signal: CancelSignal,
  ): Promise<readonly ResultFile[]> {
    const answer = await this.fetcher.open(request, poll.origins, null, signal);
    const body = await answer.readAll();
    const reading = poll.readResult({ status: answer.status, headers: answer.headers, body }, known);
    switch (reading.kind) {
      case 'files':
        return reading.files;
      case 'bytes':
        return [{ kind: 'base64', base64: body.toString('base64'), type: reading.type }];
      case 'again':
        throw again(reading.note, reading.retryAfterMs);
      case 'failed':
        throw failure('upstream_failed', reading.message);
      case 'missing':
        throw failure('result_missing', reading.message);
    }
  }

  private async notAFile(answer: OpenAnswer, poll: PollCall, known: KnownValues): Promise<ResultStop> {
    const body = await answer.readAll();
    const reading = poll.readResult({ status: answer.status, headers: answer.headers, body }, known);
    if (reading.kind === 'again') return again(reading.note, reading.retryAfterMs);
    const message =
      reading.kind === 'failed' || reading.kind === 'missing'
        ? reading.message
        : `it answered ${answer.status}`;
    return failure(reading.kind === 'missing' ? 'result_missing' : 'upstream_failed', message);
  }

  private tooLarge(): string {
    return `a file is larger than ${this.settings.resultBytes} bytes, which is the most that is copied`;
  }
}
