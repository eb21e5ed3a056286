import { emptyMp4 } from './mp4.js';
import { HELD_BACK, NO_GPU, type Phase, type Task } from './task.js';
import {
  base64,
  bearer,
  integer,
  matching,
  object,
  ok,
  oneOf,
  type Reply,
  text,
  textAt,
  type Vendor,
} from './vendor.js';

const error = (code: number, message: string, status: string): Reply =>
  ok({ error: { code, message, status } }, code);
const replies = {
  unauthorized: error(401, 'Request had invalid authentication credentials.', 'UNAUTHENTICATED'),
  invalid: (problem: string) => error(400, `Invalid JSON payload received. ${problem}`, 'INVALID_ARGUMENT'),
  banned: error(
    400,
    'The prompt could not be submitted: it violates our usage guidelines.',
    'INVALID_ARGUMENT',
  ),
  busy: error(429, 'You exceeded your current quota.', 'RESOURCE_EXHAUSTED'),
  unknown: error(404, 'Operation not found.', 'NOT_FOUND'),
};
const image = object({ bytesBase64Encoded: base64, mimeType: matching('^image/') });
const parameters = {
  aspectRatio: oneOf('16:9', '9:16'),
  durationSeconds: { ...integer, minimum: 4, maximum: 8 },
  resolution: oneOf('720p', '1080p'),
  negativePrompt: { type: 'string' },
  sampleCount: { ...integer, minimum: 1, maximum: 4 },
  seed: integer,
};
const body = object(
  { instances: { type: 'array', minItems: 1, maxItems: 1, items: object({ prompt: text }, { image }) } },
  { parameters: object({}, parameters) },
);
const prompt = (sent: unknown): string => textAt(sent, 'instances.0.prompt');

/** Veo by the Gemini API: the file needs the key and is redirected. https://ai.google.dev/gemini-api/docs/video; @google/genai 2.32.0 */
export const veo: Vendor = {
  accepts: (headers, key) => headers['x-goog-api-key'] === key,
  replies,
  calls: [
    {
      does: 'submit',
      at: 'POST /v1beta/models/:model:predictLongRunning',
      body,
      prompt,
      answer: (task) => ok({ name: nameOf(task) }),
    },
    {
      does: 'look',
      at: 'GET /v1beta/models/:model/operations/:id',
      answer: (task, phase) =>
        operation(task, phase, {
          generateVideoResponse: task.isFiltered
            ? { raiMediaFilteredCount: 1, raiMediaFilteredReasons: [HELD_BACK] }
            : {
                generatedSamples: [
                  { video: { uri: `${task.origins.api}/v1beta/files/${task.id}:download?alt=media` } },
                ],
              },
        }),
    },
    {
      does: 'fetch',
      at: 'GET /v1beta/files/:id:download',
      answer: (task, _, { query }) =>
        query.get('alt') === 'media'
          ? { status: 302, body: '', headers: { location: task.file('mp4') } }
          : replies.invalid('alt must be media'),
    },
  ],
};

/** Veo on Vertex AI, below /v1/projects/{project}/locations/{location}: an operation is polled by POST. */
export const veoVertex: Vendor = {
  accepts: bearer,
  replies,
  calls: [
    {
      does: 'submit',
      at: 'POST /v1/projects/:project/locations/:location/publishers/google/models/:model:predictLongRunning',
      body,
      prompt,
      answer: (task) => ok({ name: nameOf(task) }),
    },
    {
      does: 'look',
      at: 'POST /v1/projects/:project/locations/:location/publishers/google/models/:model:fetchPredictOperation',
      id: (request) => textAt(request.body, 'operationName').split('/').at(-1),
      answer: (task, phase) =>
        operation(task, phase, {
          raiMediaFilteredCount: task.isFiltered ? 1 : 0,
          ...(task.isFiltered && { raiMediaFilteredReasons: [HELD_BACK] }),
          videos: task.isFiltered
            ? []
            : [{ bytesBase64Encoded: emptyMp4().toString('base64'), mimeType: 'video/mp4' }],
        }),
    },
  ],
};

const nameOf = ({ id }: Task): string => `models/veo/operations/${id}`;

/** Nothing stands in it while it runs. */
function operation(task: Task, { is }: Phase, response: unknown): Reply {
  const name = nameOf(task);
  if (is === 'failed') return ok({ name, done: true, error: { code: 13, message: NO_GPU } });
  return ok(is === 'done' ? { name, done: true, response } : { name });
}
