import { HELD_BACK, NO_GPU } from './task.js';
import {
  bearer,
  imageUrl,
  integer,
  matching,
  object,
  ok,
  type Reply,
  text,
  textAt,
  type Vendor,
} from './vendor.js';

const error = (status: number, code: string, message: string): Reply =>
  ok({ code, message, request_id: 'r-1' }, status);

/** Alibaba's DashScope (Model Studio). https://www.alibabacloud.com/help/en/model-studio/text-to-video-api-reference */
export const dashScope: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: error(401, 'InvalidApiKey', 'Invalid API-key provided.'),
    invalid: (problem) => error(400, 'InvalidParameter', problem),
    banned: error(400, 'DataInspectionFailed', 'Input data may contain inappropriate content.'),
    busy: error(429, 'Throttling.RateQuota', 'Requests rate limit exceeded, please try again later.'),
    // Status 200: a task of its own state.
    unknown: ok({ request_id: 'r-1', output: { task_id: 'unknown', task_status: 'UNKNOWN' } }),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /api/v1/services/aigc/video-generation/video-synthesis',
      headers: { 'x-dashscope-async': 'enable' },
      body: object(
        {
          model: text,
          input: object({ prompt: text }, { negative_prompt: { type: 'string' }, img_url: imageUrl }),
        },
        {
          parameters: object(
            {},
            {
              size: matching(String.raw`^\d+\*\d+$`),
              duration: { ...integer, minimum: 3, maximum: 15 },
              seed: integer,
            },
          ),
        },
      ),
      prompt: (body) => textAt(body, 'input.prompt'),
      answer: ({ id }) => ok({ request_id: 'r-1', output: { task_id: id, task_status: 'PENDING' } }),
    },
    {
      does: 'look',
      at: 'GET /api/v1/tasks/:id',
      answer: (task, { is }) =>
        ok({
          request_id: 'r-1',
          output: {
            task_id: task.id,
            task_status: task.isFiltered && is === 'done' ? 'FAILED' : STATUS[is],
            ...(is === 'done' &&
              !task.isFiltered && { video_url: task.file('mp4'), orig_prompt: task.prompt }),
            ...(is === 'done' && task.isFiltered && { code: 'DataInspectionFailed', message: HELD_BACK }),
            ...(is === 'failed' && { code: 'InternalError', message: NO_GPU }),
          },
        }),
    },
    { does: 'cancel', at: 'POST /api/v1/tasks/:id/cancel', answer: () => ok({ request_id: 'r-1' }) },
  ],
};

const STATUS = {
  queued: 'PENDING',
  running: 'RUNNING',
  done: 'SUCCEEDED',
  failed: 'FAILED',
  cancelled: 'CANCELED',
} as const;
