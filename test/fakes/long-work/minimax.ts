import { NO_GPU } from './task.js';
import {
  bearer,
  imageUrl,
  integer,
  object,
  ok,
  oneOf,
  type Reply,
  text,
  textAt,
  type Vendor,
} from './vendor.js';

const base = (status_code: number, status_msg: string, status = 200): Reply =>
  ok({ task_id: '', base_resp: { status_code, status_msg } }, status);
const good = { status_code: 0, status_msg: 'success' };

/** MiniMax, version 2. https://platform.minimaxi.com/docs/api-reference/video-generation-v2-query */
export const miniMax: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: base(1004, 'login fail: please carry the API secret key', 401),
    invalid: (problem) => base(2013, `invalid params, ${problem}`, 400),
    banned: base(1026, 'input new_sensitive', 400),
    busy: base(1002, 'rate limit'),
    unknown: base(2013, 'invalid task_id', 400),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v2/video_generation',
      body: object(
        {
          model: text,
          content: {
            type: 'array',
            minItems: 1,
            items: {
              anyOf: [
                object({ type: oneOf('text'), text }),
                object({
                  type: oneOf('image_url'),
                  image_url: object({ url: imageUrl }),
                  role: oneOf('first_frame', 'last_frame'),
                }),
              ],
            },
          },
        },
        {
          resolution: oneOf('768P', '2K'),
          duration: { ...integer, minimum: 4, maximum: 15 },
          ratio: oneOf('21:9', '16:9', '4:3', '1:1', '3:4', '9:16'),
        },
      ),
      prompt: (body) => textAt(body, 'content.0.text'),
      answer: ({ id }) => ok({ task_id: id }),
    },
    {
      does: 'look',
      at: 'GET /v2/query/video_generation/:id',
      answer: (task, { is }) =>
        ok({
          task: {
            id: task.id,
            status: STATUS[is],
            ...(is === 'done' && { content: { url: task.file('mp4') } }),
            ...(is === 'failed' && { error: { code: '1000', message: NO_GPU } }),
          },
        }),
    },
  ],
};

/** MiniMax, version 1: HTTP 200 for everything, and a file to look up. https://platform.minimax.io/docs/api-reference/video-generation-t2v */
export const miniMaxV1: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: base(1004, 'login fail: please carry the API secret key'),
    invalid: (problem) => base(2013, `invalid params, ${problem}`),
    banned: base(1026, 'video description involves sensitive content'),
    busy: base(1002, 'rate limit'),
    unknown: base(2013, 'invalid task_id', 404),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/video_generation',
      body: object(
        { model: text, prompt: { ...text, maxLength: 2000 } },
        { duration: oneOf(6, 10), resolution: oneOf('720P', '768P', '1080P'), first_frame_image: imageUrl },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      answer: ({ id }) => ok({ task_id: id, base_resp: good }),
    },
    {
      does: 'look',
      at: 'GET /v1/query/video_generation',
      id: ({ query }) => query.get('task_id') ?? undefined,
      answer: (task, { is }) =>
        ok({
          task_id: task.id,
          status: STATUS_V1[is],
          file_id: is === 'done' ? task.id : '',
          base_resp: is === 'failed' ? { status_code: 1027, status_msg: NO_GPU } : good,
        }),
    },
    {
      does: 'fetch',
      at: 'GET /v1/files/retrieve',
      id: ({ query }) => query.get('file_id') ?? undefined,
      answer: (task) => ok({ file: { file_id: task.id, download_url: task.file('mp4') }, base_resp: good }),
    },
  ],
};

const STATUS = {
  queued: 'queued',
  running: 'running',
  done: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;
const STATUS_V1 = {
  queued: 'Queueing',
  running: 'Processing',
  done: 'Success',
  failed: 'Fail',
  cancelled: 'Fail',
} as const;
