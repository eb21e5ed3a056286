import { NO_GPU } from './task.js';
import {
  bearer,
  integer,
  imageUrl,
  object,
  ok,
  oneOf,
  type Reply,
  text,
  textAt,
  type Vendor,
} from './vendor.js';

const error = (status: number, code: number, message: string): Reply =>
  ok({ code, message, request_id: 'r-1' }, status);
const replies = {
  unauthorized: error(401, 1002, 'Authorization is invalid'),
  invalid: (problem: string) => error(400, 1201, problem),
  banned: error(400, 1301, 'trigger strategy: content policy'),
  busy: error(429, 1303, 'parallel task over resource pack limit'),
};

/** Kling's API of 2026, in which the client may give the id of a task. https://kling.ai/document-api/api/video/3-0-omni/video-omni */
export const kling: Vendor = {
  accepts: bearer,
  replies: { ...replies, unknown: ok({ code: 0, message: 'SUCCEED', data: [] }) },
  calls: [
    {
      does: 'submit',
      at: 'POST /omni-video/kling-v3-omni',
      body: object(
        {
          contents: {
            type: 'array',
            minItems: 1,
            items: {
              anyOf: [
                object({ type: oneOf('prompt'), text: { ...text, maxLength: 2500 } }),
                object({ type: oneOf('first_frame', 'end_frame'), url: imageUrl }),
              ],
            },
          },
        },
        {
          settings: object(
            {},
            {
              resolution: oneOf('720p', '1080p'),
              aspect_ratio: oneOf('16:9', '9:16', '1:1'),
              duration: { ...integer, minimum: 3, maximum: 15 },
            },
          ),
          options: object({}, { external_task_id: text, callback_url: text }),
        },
      ),
      prompt: (body) => textAt(body, 'contents.0.text'),
      // Unique within an account.
      id: (body) => textAt(body, 'options.external_task_id'),
      answer: (task) =>
        ok({
          code: 0,
          message: 'SUCCEED',
          data: { id: `kling-${task.id}`, status: 'submitted', external_id: task.id },
        }),
    },
    {
      does: 'look',
      at: 'GET /tasks',
      id: ({ query }) => query.get('external_task_ids') ?? query.get('task_ids')?.replace(/^kling-/, ''),
      answer: (task, { is }) =>
        ok({
          code: 0,
          message: 'SUCCEED',
          data: [
            {
              id: `kling-${task.id}`,
              external_id: task.id,
              status: STATUS[is],
              message: is === 'failed' ? NO_GPU : '',
              ...(is === 'done' && {
                outputs: [{ type: 'video', id: 'v', url: task.file('mp4'), duration: '5' }],
              }),
            },
          ],
        }),
    },
  ],
};

/** Kling's older API. Public copies of /v1/videos/text2video; https://tryagi.github.io/KlingAI/guides/authentication */
export const klingV1: Vendor = {
  accepts: bearer,
  replies: { ...replies, unknown: error(404, 1203, 'the requested resource does not exist') },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/videos/text2video',
      body: object(
        { model_name: text, prompt: { ...text, maxLength: 2500 } },
        {
          negative_prompt: { type: 'string', maxLength: 2500 },
          duration: oneOf('5', '10'),
          aspect_ratio: oneOf('16:9', '9:16', '1:1'),
          mode: oneOf('std', 'pro'),
          external_task_id: text,
        },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      answer: ({ id }) =>
        ok({ code: 0, message: 'SUCCEED', data: { task_id: id, task_status: 'submitted' } }),
    },
    {
      does: 'look',
      at: 'GET /v1/videos/text2video/:id',
      answer: (task, { is }) =>
        ok({
          code: 0,
          message: 'SUCCEED',
          data: {
            task_id: task.id,
            task_status: is === 'done' ? 'succeed' : STATUS[is],
            task_status_msg: is === 'failed' ? NO_GPU : '',
            ...(is === 'done' && {
              task_result: { videos: [{ id: 'v', url: task.file('mp4'), duration: '5' }] },
            }),
          },
        }),
    },
  ],
};

const STATUS = {
  queued: 'submitted',
  running: 'processing',
  done: 'succeeded',
  failed: 'failed',
  cancelled: 'failed',
} as const;
