import { base64, integer, numberAt, object, ok, type Reply, text, textAt, type Vendor } from './vendor.js';

const pixels = { ...integer, minimum: 64, maximum: 2048 };
const detail = (status: number, msg: string): Reply =>
  ok({ detail: [{ loc: ['body'], msg, type: 'value_error' }] }, status);

/**
 * Black Forest Labs: a task is looked at where `polling_url` says, at another host.
 * https://docs.bfl.ml/api_integration/integration_guidelines, https://help.bfl.ai/articles/9532536301-which-api-endpoint-should-i-use
 */
export const bfl: Vendor = {
  accepts: (headers, key) => headers['x-key'] === key,
  replies: {
    unauthorized: ok({ detail: 'Not authenticated - Invalid Authentication' }, 403),
    invalid: (problem) => detail(422, problem),
    banned: detail(422, 'The prompt was rejected'),
    busy: ok({ detail: 'Rate limit exceeded' }, 429),
    unknown: ok({ id: '', status: 'Task not found', result: null }),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/flux-2-pro',
      body: object({ prompt: text }, { width: pixels, height: pixels, seed: integer, input_image: base64 }),
      prompt: (body) => textAt(body, 'prompt'),
      size: (body) => ({
        width: numberAt(body, 'width', 1024),
        height: numberAt(body, 'height', 1024),
        n: 1,
      }),
      answer: (task) =>
        ok({ id: task.id, polling_url: `${task.origins.region}/v1/get_result?id=${task.id}` }),
    },
    {
      does: 'look',
      at: 'GET /v1/get_result',
      isRegional: true,
      id: ({ query }) => query.get('id') ?? undefined,
      answer: (task, { is, percent }) =>
        ok({
          id: task.id,
          status:
            is === 'done'
              ? task.isFiltered
                ? 'Content Moderated'
                : 'Ready'
              : is === 'failed'
                ? 'Error'
                : 'Pending',
          result:
            is === 'done' && !task.isFiltered ? { sample: task.file('png'), prompt: task.prompt } : null,
          progress: percent / 100,
        }),
    },
  ],
};
