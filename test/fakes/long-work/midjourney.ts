import { NO_GPU, type Task } from './task.js';
import { dataUrl, matching, object, ok, text, textAt, type Vendor } from './vendor.js';

/**
 * midjourney-proxy. Its answers have status 200 and a code of its own; 1 and 22 are good.
 * https://github.com/novicezk/midjourney-proxy/blob/main/docs/api.md, and controller/TaskController.java, ReturnCode.java
 */
export const midjourney: Vendor = {
  accepts: (headers, key) => headers['mj-api-secret'] === key,
  replies: {
    unauthorized: { status: 401, body: '' },
    invalid: (problem) => ok({ code: 4, description: `parameter error: ${problem}`, properties: {} }),
    banned: ok({
      code: 24,
      description: 'may contain sensitive words',
      properties: { bannedWord: 'refused' },
    }),
    busy: ok({ code: 23, description: 'queue full, try again later', properties: {} }),
    // A task that is not in its memory: no body at all.
    unknown: { status: 200, body: '' },
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /mj/submit/imagine',
      body: object(
        { prompt: text },
        { base64Array: { type: 'array', items: dataUrl }, state: text, notifyHook: matching('^https?://') },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      // Both mean that the task was taken.
      answer: ({ id, weather }) =>
        weather === 'ok'
          ? ok({
              code: 22,
              description: 'in queue, 1 task ahead',
              result: id,
              properties: { numberOfQueues: 1 },
            })
          : ok({ code: 1, description: 'submitted', result: id, properties: {} }),
    },
    {
      does: 'look',
      at: 'GET /mj/task/:id/fetch',
      answer: (task, phase) => {
        const hasEnded = phase.is === 'done' || phase.is === 'failed';
        return ok({
          id: task.id,
          action: 'IMAGINE',
          status: STATUS[phase.is],
          prompt: task.prompt,
          progress: phase.is === 'failed' ? '' : `${phase.percent}%`,
          // A preview is there while it runs.
          imageUrl: phase.is === 'queued' || phase.is === 'failed' ? null : imageOf(task),
          failReason: phase.is === 'failed' ? NO_GPU : null,
          submitTime: 1_764_150_000_000,
          finishTime: hasEnded ? 1_764_150_060_000 : null,
          state: textAt(task.body, 'state'),
        });
      },
    },
  ],
};

const STATUS = {
  queued: 'SUBMITTED',
  running: 'IN_PROGRESS',
  done: 'SUCCESS',
  failed: 'FAILURE',
  cancelled: 'FAILURE',
} as const;

const imageOf = (task: Task): string => task.file('png');
