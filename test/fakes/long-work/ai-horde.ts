import { integer, numberAt, object, ok, text, textAt, type Vendor } from './vendor.js';

const pixels = { ...integer, minimum: 64, maximum: 3072, multipleOf: 64 };

/** AI Horde. A check is cheap and has no result; the status has it. https://aihorde.net/api */
export const aiHorde: Vendor = {
  accepts: (headers, key) => headers['apikey'] === key,
  replies: {
    unauthorized: ok(
      { message: 'No user matching sent API Key. Have you remembered to register?', rc: 'InvalidAPIKey' },
      401,
    ),
    invalid: (problem) =>
      ok({ message: 'Input payload validation failed', errors: { params: problem } }, 400),
    banned: ok({ message: 'This prompt appears to violate our terms of service.', rc: 'CorruptPrompt' }, 400),
    busy: {
      ...ok({ message: '2 per 1 second', rc: 'TooManyRequests' }, 429),
      headers: { 'retry-after': '1' },
    },
    unknown: ok({ message: 'Image Request with ID not found.', rc: 'RequestNotFound' }, 404),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /api/v2/generate/async',
      body: object(
        { prompt: text },
        {
          params: object(
            {},
            {
              width: pixels,
              height: pixels,
              n: { ...integer, minimum: 1, maximum: 20 },
              steps: integer,
              seed: text,
            },
          ),
          models: { type: 'array', items: text },
          nsfw: { type: 'boolean' },
          r2: { type: 'boolean' },
        },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      size: (body) => ({
        width: numberAt(body, 'params.width', 512),
        height: numberAt(body, 'params.height', 512),
        n: numberAt(body, 'params.n', 1),
      }),
      answer: ({ id }) => ok({ id, kudos: 10.5 }, 202),
    },
    {
      does: 'look',
      at: 'GET /api/v2/generate/check/:id',
      answer: (_, { is }) =>
        ok({
          finished: is === 'done' ? 1 : 0,
          processing: is === 'running' ? 1 : 0,
          restarted: 0,
          waiting: is === 'queued' ? 1 : 0,
          done: is === 'done',
          faulted: is === 'failed',
          wait_time: 9,
          queue_position: is === 'queued' ? 3 : 0,
          kudos: 10.5,
          is_possible: true,
        }),
    },
    {
      does: 'fetch',
      at: 'GET /api/v2/generate/status/:id',
      answer: (task) =>
        ok({
          done: true,
          faulted: false,
          generations: Array.from({ length: task.size.n }, (_, i) => ({
            img: task.file('png', i),
            seed: String(i),
            id: `${task.id}-${i}`,
            censored: false,
            model: 'stable_diffusion',
            state: 'ok',
          })),
        }),
    },
    {
      does: 'cancel',
      at: 'DELETE /api/v2/generate/status/:id',
      answer: () => ok({ done: true, faulted: false, generations: [] }),
    },
  ],
};
