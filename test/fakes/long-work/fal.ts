import { NO_GPU, type Task } from './task.js';
import { imageUrl, integer, numberAt, object, ok, type Reply, text, textAt, type Vendor } from './vendor.js';

const detail = (status: number, msg: string): Reply =>
  ok({ detail: [{ loc: ['body', 'prompt'], msg, type: 'value_error' }] }, status);

/** A model's id may have a path behind owner and app; the URLs of its tasks have not. */
const app = (task: Task): string => `${task.origins.api}/black-forest-labs/flux/requests/${task.id}`;

/**
 * fal's queue. A task that failed is COMPLETED; its response reports the failure.
 * https://fal.ai/docs/api-reference/inference-api, /documentation/model-apis/inference/queue, /documentation/model-apis/request-errors
 */
export const fal: Vendor = {
  accepts: (headers, key) => headers.authorization === `Key ${key}`,
  replies: {
    unauthorized: ok({ detail: 'Authentication is required to access this application' }, 401),
    invalid: (problem) => detail(422, problem),
    banned: detail(422, 'The content could not be processed because it was flagged by a content checker.'),
    busy: { ...ok({ detail: 'Too many requests' }, 429), headers: { 'retry-after': '1' } },
    unknown: ok({ detail: 'Request not found' }, 404),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /black-forest-labs/flux/schnell',
      body: object(
        { prompt: text },
        {
          image_size: object({ width: integer, height: integer }),
          num_images: { ...integer, minimum: 1, maximum: 4 },
          seed: integer,
          image_url: imageUrl,
        },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      size: (body) => ({
        width: numberAt(body, 'image_size.width', 1024),
        height: numberAt(body, 'image_size.height', 768),
        n: numberAt(body, 'num_images', 1),
      }),
      answer: (task) =>
        ok({
          status: 'IN_QUEUE',
          request_id: task.id,
          queue_position: 2,
          status_url: `${app(task)}/status`,
          response_url: app(task),
          cancel_url: `${app(task)}/cancel`,
        }),
    },
    {
      does: 'look',
      at: 'GET /black-forest-labs/flux/requests/:id/status',
      answer: (task, { is }) => {
        const status = is === 'queued' ? 'IN_QUEUE' : is === 'running' ? 'IN_PROGRESS' : 'COMPLETED';
        const reply = {
          status,
          request_id: task.id,
          response_url: app(task),
          ...(is === 'queued' && { queue_position: 2 }),
        };
        return ok(reply, status === 'COMPLETED' ? 200 : 202);
      },
    },
    {
      does: 'fetch',
      at: 'GET /black-forest-labs/flux/requests/:id',
      answer: (task, { is }) => {
        if (is === 'failed') return detail(422, NO_GPU);
        if (is !== 'done') return ok({ detail: 'Request is still in progress' }, 400);
        const images = Array.from({ length: task.size.n }, (_, i) => ({
          url: task.file('png', i),
          width: task.size.width,
          height: task.size.height,
          content_type: 'image/png',
        }));
        return ok({ images, seed: 1, prompt: task.prompt, has_nsfw_concepts: [false] });
      },
    },
    {
      does: 'cancel',
      at: 'PUT /black-forest-labs/flux/requests/:id/cancel',
      answer: () => ok({ status: 'CANCELLATION_REQUESTED' }, 202),
    },
  ],
};
