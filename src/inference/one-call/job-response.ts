import type { ResultFile } from '../../registry/poll.js';
import type { JobKind } from '../../jobs/job.js';
import { parsedOrUndefined, isJsonObject } from '../../input/json.js';
import type { CancelSignal } from '../../upstream/exchange.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { imagesIn } from '../apis/openai/lists.js';
import { ProtocolError } from '../chat/chat-errors.js';
import type { ChatAnswer } from '../chat/chat.js';
import type { PassedStream, Responder, ResponseStream } from '../client/responder.js';
import { recordAnswer } from '../client/token-counts.js';
import type { InferenceRequest } from '../client/inference-request.js';

const TEXT_TYPE = 'text/plain; charset=utf-8';

/** Takes the answer of a job's one call, as files. */
export class JobResponse implements Responder {
  files: readonly ResultFile[] = [];
  /** The worker's own words of its last rejection; `null`: none. */
  rejection: string | null = null;
  /** Nothing is sent anywhere before the end: another worker may be tried until then. */
  readonly committed = false;
  readonly wantsStream = false;
  readonly hasHeld = false;
  readonly takesParts = false;

  constructor(
    readonly request: InferenceRequest,
    readonly disconnect: CancelSignal,
    private readonly kind: JobKind,
  ) {}

  send(answer: ChatAnswer): void {
    recordAnswer(this.request.facts, answer);
    const { text, toolCalls } = answer;
    this.files =
      this.kind === 'text' ? [textFile(text ?? JSON.stringify(toolCalls))] : filesIn(imagesIn(text ?? ''));
  }

  /** OpenAI's list of images. @throws ProtocolError */
  pass({ text }: UpstreamAnswer): void {
    const body = parsedOrUndefined(text);
    const data: unknown = isJsonObject(body) ? body['data'] : undefined;
    const files = Array.isArray(data) ? filesIn(data) : [];
    if (files.length === 0)
      throw new ProtocolError('the answer holds no image: no url and no b64_json in data');
    this.files = files;
  }

  reject(error: unknown): boolean {
    if (error instanceof UpstreamRejectedError) this.rejection = error.exposed?.message || null;
    return false;
  }

  startStream(): ResponseStream {
    throw new TypeError('the answer of a job is never streamed');
  }

  startPassing(): PassedStream {
    throw new TypeError('the answer of a job is never streamed');
  }
}

function textFile(text: string): ResultFile {
  return { kind: 'base64', base64: Buffer.from(text).toString('base64'), type: TEXT_TYPE };
}

function filesIn(images: readonly unknown[]): readonly ResultFile[] {
  return images.flatMap((image): readonly ResultFile[] => {
    if (!isJsonObject(image)) return [];
    const { url, b64_json: base64 } = image;
    if (typeof base64 === 'string' && base64 !== '') return [{ kind: 'base64', base64, type: null }];
    return typeof url === 'string' && url !== '' ? [{ kind: 'url', url }] : [];
  });
}
