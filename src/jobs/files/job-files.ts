import { Injectable } from '@nestjs/common';
import { DatabaseSettings } from '../../config/settings.js';
import { Database } from '../../database/database.js';
import { UpstreamError } from '../../upstream/failure.js';
import type { OpenAnswer } from '../../upstream/open-answer.js';
import { NoSuchFileError } from '../job-errors.js';

/** Where the parts of a file stand. */
export interface FilePlace {
  readonly jobId: string;
  readonly number: number;
  readonly copy: number;
}

/** Bytes of each part but the last. */
export const PART_BYTES = 1024 * 1024;

interface Part {
  readonly bytes: Buffer;
  readonly part: number;
}

/** Cuts chunks of any size into parts of one size; the last may be smaller. */
class PartCutter {
  private held: Buffer[] = [];
  private size = 0;
  private next = 0;

  /** @returns the parts that are full now */
  add(chunk: Buffer): readonly Part[] {
    this.held.push(chunk);
    this.size += chunk.length;
    if (this.size < PART_BYTES) return [];
    const bytes = Buffer.concat(this.held, this.size);
    const count = Math.floor(bytes.length / PART_BYTES);
    this.held = [bytes.subarray(count * PART_BYTES)];
    this.size = bytes.length - count * PART_BYTES;
    return Array.from({ length: count }, (_, index) => ({
      bytes: bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
      part: this.next++,
    }));
  }

  /** The last part. An empty file has one, empty. */
  rest(): readonly Part[] {
    if (this.size === 0 && this.next > 0) return [];
    return [{ bytes: Buffer.concat(this.held, this.size), part: this.next }];
  }
}

/** The files of jobs in the table `job_file`, in parts of 1 MiB: none is ever whole in memory. All throw DatabaseUnavailableError. */
@Injectable()
export class JobFiles {
  private readonly table: string;
  private readonly job: string;

  constructor(
    private readonly database: Database,
    { schema }: DatabaseSettings,
  ) {
    this.table = `"${schema}".job_file`;
    this.job = `"${schema}".job`;
  }

  /** @returns the size */
  async write(place: FilePlace, bytes: Buffer): Promise<number> {
    for (let part = 0; part === 0 || part * PART_BYTES < bytes.length; part++)
      await this.insert(place, part, bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES));
    return bytes.length;
  }

  /** Copies an answer while it comes. @returns the size @throws UpstreamError, `too_large` beyond `mostBytes` too */
  async copy(place: FilePlace, answer: OpenAnswer, mostBytes: number): Promise<number> {
    const parts = new PartCutter();
    let size = 0;
    let writing: Promise<void> = Promise.resolve();
    let fault: Error | null = null;
    const write = (bytes: Buffer, part: number): void => {
      writing = writing
        .then(() => this.insert(place, part, bytes))
        .catch((error: unknown) => {
          fault ??= error instanceof Error ? error : new Error(String(error));
        })
        .finally(() => answer.resume());
    };
    const piped = answer.pipeTo({
      chunk: (chunk) => {
        if (fault !== null) throw fault;
        size += chunk.length;
        if (size > mostBytes)
          throw new UpstreamError('too_large', `the file is larger than ${mostBytes} bytes`);
        const full = parts.add(chunk);
        for (const { bytes, part } of full) write(bytes, part);
        return full.length === 0;
      },
    });
    // What is still being written must not come after a deletion.
    await piped.catch(async (error: unknown) => {
      await writing;
      throw error;
    });
    for (const { bytes, part } of parts.rest()) write(bytes, part);
    await writing;
    if (fault !== null) throw fault as Error;
    return size;
  }

  /** The bytes of a file from `first` to `last`, part by part. */
  async *read(place: FilePlace, first: number, last: number): AsyncGenerator<Buffer, void> {
    for (let part = Math.floor(first / PART_BYTES); part * PART_BYTES <= last; part++) {
      const rows = await this.database.query<{ bytes: Buffer }>(
        `SELECT bytes FROM ${this.table} WHERE job_id = $1 AND role = 'result' AND number = $2 AND copy = $3 AND part = $4`,
        [place.jobId, place.number, place.copy, part],
      );
      const [row] = rows;
      if (row === undefined) throw new NoSuchFileError('the file is no longer there: its job was deleted');
      const at = part * PART_BYTES;
      yield row.bytes.subarray(Math.max(0, first - at), last - at + 1);
    }
  }

  /** The input files of a job, by number. */
  async inputs(jobId: string): Promise<ReadonlyMap<number, string>> {
    const rows = await this.database.query<{ number: number; bytes: Buffer }>(
      `SELECT number, bytes FROM ${this.table} WHERE job_id = $1 AND role = 'input' ORDER BY number, part`,
      [jobId],
    );
    const parts = new Map<number, Buffer[]>();
    for (const { number, bytes } of rows) {
      const known = parts.get(number);
      if (known === undefined) parts.set(number, [bytes]);
      else known.push(bytes);
    }
    return new Map([...parts].map(([number, buffers]) => [number, Buffer.concat(buffers).toString()]));
  }

  /** Input files serve no purpose once the upstream has them. */
  async deleteInputs(jobId: string): Promise<void> {
    await this.database.query(`DELETE FROM ${this.table} WHERE job_id = $1 AND role = 'input'`, [jobId]);
  }

  /** Of a job that has ended, deletes its input files, and copies that a replica began which lost its lease. */
  async tidy(jobId: string): Promise<void> {
    await this.database.query(
      `DELETE FROM ${this.table} f USING ${this.job} j
       WHERE f.job_id = $1 AND j.id = f.job_id AND j.ended_at IS NOT NULL AND (f.role = 'input'
         OR NOT EXISTS (SELECT FROM json_array_elements(CASE WHEN json_typeof(j.result) = 'array' THEN j.result ELSE '[]' END) AS r WHERE (r ->> 'copy')::integer = f.copy))`,
      [jobId],
    );
  }

  /** Deletes what copies up to this one have stored: they broke off. */
  async deleteCopies({ jobId, copy }: Omit<FilePlace, 'number'>): Promise<void> {
    await this.database.query(
      `DELETE FROM ${this.table} WHERE job_id = $1 AND role = 'result' AND copy <= $2`,
      [jobId, copy],
    );
  }

  private async insert({ jobId, number, copy }: FilePlace, part: number, bytes: Buffer): Promise<void> {
    await this.database.query(
      `INSERT INTO ${this.table} (job_id, role, number, copy, part, bytes) VALUES ($1, 'result', $2, $3, $4, $5)
       ON CONFLICT (job_id, role, number, copy, part) DO UPDATE SET bytes = excluded.bytes`,
      [jobId, number, copy, part, bytes],
    );
  }
}
