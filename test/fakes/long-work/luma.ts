import { NO_GPU } from './task.js';
import {
  base64,
  bearer,
  matching,
  object,
  ok,
  oneOf,
  type Reply,
  text,
  textAt,
  type Vendor,
} from './vendor.js';

const detail = (status: number, message: string): Reply => ok({ detail: message }, status);
const url = matching('^https?://');

/** Luma's agents API. https://docs.agents.lumalabs.ai, and the types of luma-agents (Python) */
export const luma: Vendor = {
  accepts: bearer,
  replies: {
    unauthorized: detail(401, 'Invalid API key'),
    invalid: (problem) => detail(422, problem),
    banned: detail(400, 'Prompt violates content guidelines'),
    busy: { ...detail(429, 'Too many concurrent jobs'), headers: { 'retry-after': '1' } },
    unknown: detail(404, 'Generation not found'),
  },
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/generations',
      body: object(
        { prompt: text, model: text, type: oneOf('video') },
        {
          aspect_ratio: oneOf('9:16', '3:4', '1:1', '4:3', '16:9', '21:9'),
          video: object(
            {},
            {
              resolution: oneOf('360p', '540p', '720p', '1080p'),
              duration: oneOf('5s', '10s'),
              // Either a URL, or data with its type.
              start_frame: {
                anyOf: [object({ url }), object({ data: base64, media_type: matching('^image/') })],
              },
            },
          ),
        },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      answer: ({ id }) =>
        ok({ id, type: 'video', model: 'ray-3.2', state: 'queued', created_at: '2026-11-26T12:00:00Z' }, 201),
    },
    {
      does: 'look',
      at: 'GET /v1/generations/:id',
      answer: (task, { is }) =>
        ok({
          id: task.id,
          type: 'video',
          model: 'ray-3.2',
          state: is === 'running' ? 'processing' : STATE[is],
          created_at: '2026-11-26T12:00:00Z',
          ...(is === 'done' && { output: [{ type: 'video', url: task.file('mp4') }] }),
          ...(is === 'failed' && { failure_reason: NO_GPU, failure_code: 'generation_failed' }),
        }),
    },
  ],
};

/** Luma's Dream Machine API. https://docs.lumalabs.ai, and lumaai 1.19.1 */
export const lumaDreamMachine: Vendor = {
  ...luma,
  replies: { ...luma.replies, invalid: (problem) => detail(400, problem) },
  calls: [
    {
      does: 'submit',
      at: 'POST /dream-machine/v1/generations/video',
      body: object(
        { prompt: text, model: text },
        {
          aspect_ratio: oneOf('1:1', '16:9', '9:16', '4:3', '3:4', '21:9', '9:21'),
          resolution: oneOf('540p', '720p', '1080p', '4k'),
          duration: oneOf('5s', '9s'),
          keyframes: object({ frame0: object({ type: oneOf('image'), url }) }),
        },
      ),
      prompt: (body) => textAt(body, 'prompt'),
      answer: ({ id }) => ok({ id, state: 'queued', failure_reason: null, assets: null }, 201),
    },
    {
      does: 'look',
      at: 'GET /dream-machine/v1/generations/:id',
      answer: (task, { is }) =>
        ok({
          id: task.id,
          generation_type: 'video',
          state: is === 'running' ? 'dreaming' : STATE[is],
          failure_reason: is === 'failed' ? NO_GPU : null,
          assets: is === 'done' ? { video: task.file('mp4'), image: null, progress_video: null } : null,
        }),
    },
    {
      does: 'cancel',
      at: 'DELETE /dream-machine/v1/generations/:id',
      answer: () => ({ status: 204, body: '' }),
    },
  ],
};

const STATE = { queued: 'queued', done: 'completed', failed: 'failed', cancelled: 'failed' } as const;
