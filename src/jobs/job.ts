import type { Priority } from '../config/balancing-settings.js';
import type { Actor } from '../database/database.js';
import { randomBytes } from 'node:crypto';
import type { MediaInput } from '../registry/calls/media-values.js';

/** `unknown`: it is unknown whether the submit arrived. `cancelling`: a cancel is being sent to the upstream. */
export type JobState =
  'queued' | 'submitting' | 'unknown' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';

/** What clients see: submitting, unknown and cancelling are `running`, with a note. */
export type PublicState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export type JobKind = 'image' | 'video' | 'audio' | 'text';

export type JobErrorCode =
  | 'busy'
  | 'submit_refused'
  | 'submit_unknown'
  | 'upstream_failed'
  | 'upstream_lost'
  | 'result_missing'
  | 'result_unreachable'
  | 'result_forbidden'
  | 'timeout'
  | 'misconfigured'
  | 'cancelled'
  | 'worker_deleted';

/** A client's request in the one form that all APIs for jobs make of it. */
export interface JobInput extends MediaInput {
  readonly prompt: string;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly temperature?: number;
  readonly max_tokens?: number;
}

export interface NewJob {
  readonly modelName: string;
  readonly kind: JobKind;
  /** Its class: which of the jobs that wait goes next. */
  readonly priority: Priority;
  /** The client's key; '' without keys. A job is seen by its owner and by admins. */
  readonly ownerKey: string;
  /** The team that the key acts for; '': its own. */
  readonly tenant: string;
  readonly actor: Actor;
  readonly input: JobInput;
  /** The id of the request that made it. */
  readonly requestId: string;
  readonly idempotencyKey: string | null;
  /** SHA-256 of the request, to distinguish a repetition from another request under the same key. */
  readonly requestHash: string | null;
  readonly webhookUrl: string | null;
}

/** One file of a finished job. */
export interface JobFile {
  readonly number: number;
  /** The upstream's URL; `null`: the bytes are in the database, or fetched from the upstream on demand. */
  readonly url: string | null;
  readonly type: string | null;
  readonly bytes: number | null;
}

/** A row of the table `job`, as the service reads it. */
export interface Job {
  readonly id: string;
  /** Rises with every change that clients can see. */
  readonly version: number;
  readonly modelName: string;
  readonly kind: JobKind;
  readonly priority: Priority;
  readonly ownerKey: string;
  /** The name of that key; `null`: without keys, or of ADMIN_API_KEY. */
  readonly keyName: string | null;
  readonly state: JobState;
  readonly workerId: string | null;
  readonly upstreamWord: string;
  readonly progress: number;
  readonly queuePosition: number | null;
  readonly note: string;
  readonly error: { readonly code: JobErrorCode; readonly message: string } | null;
  readonly input: JobInput;
  readonly files: readonly JobFile[];
  readonly createdAt: Date;
  readonly submittedAt: Date | null;
  readonly endedAt: Date | null;
  readonly expiresAt: Date | null;
}

/**
 * A UUID of version 7 [RFC 9562, 5.7]: 48 bits of time, then chance. Rows that are made together stand together in the
 * indexes. Lower case, as ComfyUI requires of a `prompt_id`.
 */
export function newJobId(nowMs = Date.now(), random: Buffer = randomBytes(10)): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  random.copy(bytes, 6, 0, 10);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
