import { NO_GPU } from './task.js';
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

const VERSION = { 'x-runway-version': '2024-11-06' };
const invalid = (problem: string): Reply =>
  ok(
    {
      error: 'Validation of body failed',
      issues: [{ message: problem }],
      docUrl: 'https://docs.dev.runwayml.com',
    },
    400,
  );

const common = {
  model: text,
  ratio: matching(String.raw`^\d{3,4}:\d{3,4}$`),
};
const optional = {
  seed: { ...integer, minimum: 0, maximum: 4_294_967_295 },
  duration: { ...integer, minimum: 2, maximum: 10 },
};

/** Runway's API. https://docs.dev.runwayml.com/api, and the types of @runwayml/sdk 4.20.1 */
export const runway: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: ok({ error: 'You did not provide an API key.' }, 401),
    invalid,
    banned: ok({ error: 'Your prompt was rejected by moderation.' }, 400),
    busy: {
      ...ok({ error: 'You have exceeded your daily task limit.' }, 429),
      headers: { 'retry-after': '1' },
    },
    unknown: ok({ error: 'Task not found' }, 404),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/text_to_video',
      headers: VERSION,
      body: object({ ...common, promptText: { ...text, maxLength: 1000 } }, optional),
      prompt: (body) => textAt(body, 'promptText'),
      answer: ({ id }) => ok({ id, estimatedCost: { credits: 25 } }),
    },
    {
      does: 'submit',
      at: 'POST /v1/image_to_video',
      headers: VERSION,
      body: object(
        { ...common, promptImage: imageUrl },
        { ...optional, promptText: { ...text, maxLength: 1000 } },
      ),
      prompt: (body) => textAt(body, 'promptText'),
      answer: ({ id }) => ok({ id, estimatedCost: { credits: 25 } }),
    },
    {
      does: 'look',
      at: 'GET /v1/tasks/:id',
      headers: VERSION,
      answer: (task, phase) =>
        ok({
          id: task.id,
          createdAt: '2026-11-26T12:00:00.000Z',
          status: STATUS[phase.is],
          ...(phase.is === 'running' && { progress: phase.percent / 100 }),
          ...(phase.is === 'done' && { output: [task.file('mp4')] }),
          ...(phase.is === 'failed' && { failure: NO_GPU, failureCode: 'INTERNAL.BAD_OUTPUT.CODE01' }),
        }),
    },
    {
      does: 'cancel',
      at: 'DELETE /v1/tasks/:id',
      headers: VERSION,
      answer: () => ({ status: 204, body: '' }),
    },
  ],
};

const STATUS = {
  queued: 'THROTTLED',
  running: 'RUNNING',
  done: 'SUCCEEDED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
} as const;
