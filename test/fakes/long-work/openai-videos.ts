import { NO_GPU } from './task.js';
import { filmReply } from './media.js';
import { bearer, matching, object, ok, type Reply, text, textAt, type Vendor } from './vendor.js';

const error = (status: number, message: string, code: string | null = null): Reply =>
  ok(
    { error: { message, type: status < 500 ? 'invalid_request_error' : 'server_error', param: null, code } },
    status,
  );

const digits = matching(String.raw`^\d+$`);
/** A file part as stand-in.ts reads it. */
const file = object({ type: matching('^image/'), bytes: { type: 'integer', minimum: 1 } });

/**
 * OpenAI's /v1/videos as vLLM-Omni serves it: forms only, and more fields.
 * https://github.com/vllm-project/vllm-omni/blob/main/docs/serving/videos_api.md
 */
export const openAiVideos: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: error(401, 'Incorrect API key provided.', 'invalid_api_key'),
    invalid: (problem) => error(400, problem),
    banned: error(400, 'Your request was rejected by the safety system.', 'moderation_blocked'),
    busy: null,
    unknown: error(404, 'Video not found'),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/videos',
      isMultipart: true,
      body: object(
        { prompt: text },
        {
          model: text,
          seconds: digits,
          size: matching(String.raw`^\d+x\d+$`),
          seed: digits,
          negative_prompt: { type: 'string' },
          input_reference: file,
          num_inference_steps: digits,
        },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      answer: ({ id }) =>
        ok({ id, object: 'video', status: 'queued', progress: 0, created_at: 1_764_150_000 }),
    },
    {
      does: 'look',
      at: 'GET /v1/videos/:id',
      answer: (task, { is, percent }) =>
        ok({
          id: task.id,
          object: 'video',
          model: textAt(task.body, 'model'),
          status: STATUS[is],
          progress: percent,
          created_at: 1_764_150_000,
          error: is === 'failed' ? { code: 'server_error', message: NO_GPU } : null,
        }),
    },
    {
      does: 'fetch',
      at: 'GET /v1/videos/:id/content',
      answer: (_, { is }) => (is === 'done' ? filmReply() : error(400, 'Video is not ready')),
    },
    {
      does: 'cancel',
      at: 'DELETE /v1/videos/:id',
      answer: ({ id }) => ok({ id, object: 'video.deleted', deleted: true }),
    },
  ],
};

const STATUS = {
  queued: 'queued',
  running: 'in_progress',
  done: 'completed',
  failed: 'failed',
  cancelled: 'failed',
} as const;
