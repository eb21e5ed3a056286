import type { Job } from '../../../jobs/job.js';
import type { ResponseHead } from '../../client/response-format.js';
import { ChatFormat } from '../openai/client-response.js';
import type { ImageList } from '../openai/objects.js';
import type { JobResults } from './job-results.js';
import type { Patience } from './patient-reply.js';

/** How a client that waits for a job gets its result. */
export interface JobFormat {
  readonly patience: Patience;
  /** The response to a job that succeeded. */
  body(job: Job, results: JobResults, baseUrl: string): Promise<string>;
  /** A failure after the status was sent; left out where that never happens. */
  late?(failure: LateFailure): string;
}

/** A failure, for a client that has the status 200 already. */
export interface LateFailure {
  readonly code: string | null;
  readonly message: string;
}

/** A text, else where the files are: the one link, or a JSON list of links. */
export async function resultText(job: Job, results: JobResults, baseUrl: string): Promise<string> {
  const [first, ...more] = job.files;
  if (first === undefined) return '';
  if (job.kind === 'text' && more.length === 0) return (await results.bytes(job, first)).toString('utf8');
  const urls = await results.urls(job, baseUrl);
  return urls.length === 1 ? (urls[0] ?? '') : JSON.stringify(urls);
}

/** `{"success", "msg", "result"}`. Clients of the native API read `success`, whatever the status is. */
export const NATIVE_JOB: JobFormat = {
  patience: 'spaces',
  async body(job, results, baseUrl) {
    const result = await resultText(job, results, baseUrl);
    return JSON.stringify({ success: true, msg: 'execute succeed', result });
  },
  late: ({ message }) => JSON.stringify({ success: false, msg: message }),
};

const CHAT = new ChatFormat(() => false);

/** A chat completion whose content leads to the result. */
export const CHAT_JOB: JobFormat = {
  patience: 'none',
  async body(job, results, baseUrl) {
    return CHAT.whole(answerOf(await resultText(job, results, baseUrl)), headOf(job));
  },
};

/** The same as a stream. */
export const CHAT_STREAM_JOB: JobFormat = {
  patience: 'events',
  async body(job, results, baseUrl) {
    const text = await resultText(job, results, baseUrl);
    const writer = CHAT.stream(headOf(job));
    return (
      writer.event({ kind: 'text', text }) + writer.event({ kind: 'finish', reason: 'stop' }) + writer.end()
    );
  },
  late: ({ code, message }) =>
    `data: ${JSON.stringify({ error: { message, type: 'api_error', param: null, code } })}\n\n`,
};

/** What the client of an image wants: a link, base64, or whatever comes. */
export type ImageResponseFormat = 'url' | 'b64_json' | null;

/** OpenAI's list of images. */
export function imageJob(format: ImageResponseFormat): JobFormat {
  return {
    patience: 'none',
    async body(job, results, baseUrl) {
      const created = Math.floor(Number(job.endedAt ?? Date.now()) / 1000);
      const { size } = job.input;
      const data = await imagesOf(job, format, results, baseUrl);
      return JSON.stringify({ created, data, ...(size === undefined ? {} : { size }) });
    },
  };
}

async function imagesOf(
  job: Job,
  format: ImageResponseFormat,
  results: JobResults,
  baseUrl: string,
): Promise<ImageList['data']> {
  const urls = format === 'b64_json' ? [] : await results.urls(job, baseUrl);
  const data: ImageList['data'] = [];
  let size = 0;
  // One after the other: only one of them is in memory twice.
  for (const [index, file] of job.files.entries()) {
    const url = urls[index];
    const isLink = url !== undefined && (format === 'url' || file.url !== null);
    if (isLink) {
      data.push({ url });
      continue;
    }
    const bytes = await results.bytes(job, file, size);
    size += bytes.length;
    data.push({ b64_json: bytes.toString('base64') });
  }
  return data;
}

function answerOf(text: string) {
  return { text, toolCalls: [], finish: 'stop', usage: null } as const;
}

function headOf({ id, modelName, createdAt }: Job): ResponseHead {
  return { id, created: Math.floor(Number(createdAt) / 1000), model: modelName };
}
