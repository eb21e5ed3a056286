import { NO_GPU } from './task.js';
import { drawing } from './picture.js';
import { bearer, integer, numberAt, object, ok, text, textAt, type Vendor } from './vendor.js';

/**
 * RunPod's serverless endpoint with runpod-workers/worker-sdxl, below /v2/{endpoint}.
 * https://docs.runpod.io/serverless/endpoints/operation-reference, https://github.com/runpod-workers/worker-sdxl
 */
export const runpod: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: { status: 401, body: '' },
    invalid: (problem) => ok({ error: problem }, 400),
    banned: ok({ error: 'The prompt was rejected.' }, 400),
    busy: { ...ok({ error: 'Too Many Requests' }, 429), headers: { 'retry-after': '1' } },
    unknown: ok({ error: 'job not found', status: 404 }, 404),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v2/:endpoint/run',
      body: object({
        input: object(
          { prompt: text },
          {
            negative_prompt: { type: 'string' },
            width: integer,
            height: integer,
            num_images: { ...integer, minimum: 1, maximum: 2 },
            seed: integer,
            num_inference_steps: integer,
          },
        ),
      }),
      prompt: (body) => textAt(body, 'input.prompt'),
      size: (body) => ({
        width: numberAt(body, 'input.width', 1024),
        height: numberAt(body, 'input.height', 1024),
        n: numberAt(body, 'input.num_images', 1),
      }),
      answer: ({ id }) => ok({ id, status: 'IN_QUEUE' }),
    },
    {
      does: 'look',
      at: 'GET /v2/:endpoint/status/:id',
      answer: (task, phase) => {
        const seed = numberAt(task.body, 'input.seed', 1);
        const images = Array.from({ length: task.size.n }, (_, i) => {
          const png = drawing(task.prompt, { ...task.size, seed: seed + i });
          return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
        });
        return ok({
          id: task.id,
          status: STATUS[phase.is],
          delayTime: 1144,
          ...(phase.is === 'done' && { executionTime: 6120, output: { image_url: images[0], images, seed } }),
          ...(phase.is === 'failed' && { error: NO_GPU }),
        });
      },
    },
    {
      does: 'cancel',
      at: 'POST /v2/:endpoint/cancel/:id',
      answer: ({ id }) => ok({ id, status: 'CANCELLED' }),
    },
  ],
};

const STATUS = {
  queued: 'IN_QUEUE',
  running: 'IN_PROGRESS',
  done: 'COMPLETED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
} as const;
