import { NO_GPU } from './task.js';
import {
  bearer,
  imageUrl,
  integer,
  matching,
  object,
  ok,
  text,
  textAt,
  numberAt,
  type Reply,
  type Vendor,
} from './vendor.js';

const problem = (status: number, title: string, detail: string): Reply =>
  ok({ title, detail, status }, status);

/** Replicate. https://replicate.com/docs/reference/http, /topics/predictions/lifecycle, /topics/predictions/rate-limits */
export const replicate: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: problem(401, 'Unauthenticated', 'You did not pass a valid authentication token'),
    invalid: (why) => problem(422, 'Input validation failed', `- ${why}`),
    banned: problem(422, 'Input validation failed', '- input.prompt: NSFW content detected'),
    busy: {
      ...problem(429, 'Too Many Requests', 'Request was throttled. Your rate limit resets in ~1s.'),
      headers: { 'retry-after': '1' },
    },
    unknown: problem(404, 'Not found', 'The requested resource could not be found.'),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/models/black-forest-labs/flux-schnell/predictions',
      body: object({
        input: object(
          { prompt: text },
          {
            aspect_ratio: matching(String.raw`^\d+:\d+$`),
            num_outputs: { ...integer, minimum: 1, maximum: 4 },
            seed: integer,
            duration: integer,
            image: imageUrl,
          },
        ),
      }),
      prompt: (body) => textAt(body, 'input.prompt'),
      size: (body) => ({ width: 256, height: 256, n: numberAt(body, 'input.num_outputs', 1) }),
      answer: (task) =>
        ok(
          {
            id: task.id,
            status: 'starting',
            output: null,
            error: null,
            urls: { get: `${task.origins.api}/v1/predictions/${task.id}` },
          },
          201,
        ),
    },
    {
      does: 'look',
      at: 'GET /v1/predictions/:id',
      answer: (task, { is }) => {
        const files = Array.from({ length: task.size.n }, (_, i) => task.file('png', i));
        return ok({
          id: task.id,
          status: STATUS[is],
          // Some models give one text instead of a list.
          output: is !== 'done' || task.isFiltered ? null : files.length === 1 ? files[0] : files,
          error: is === 'failed' ? NO_GPU : null,
          logs: '',
        });
      },
    },
    {
      does: 'cancel',
      at: 'POST /v1/predictions/:id/cancel',
      answer: ({ id }) => ok({ id, status: 'canceled', output: null, error: null }),
    },
  ],
};

const STATUS = {
  queued: 'starting',
  running: 'processing',
  done: 'succeeded',
  failed: 'failed',
  cancelled: 'canceled',
} as const;
