import { type Graph, graphOf, type GraphProblem, problemOf, promptBody } from './comfyui-graph.js';
import { pictureReply } from './media.js';
import { NO_GPU, type Phase, type Task } from './task.js';
import {
  type Call,
  type Json,
  ok,
  type Reply,
  type SubmitCall,
  textAt,
  valueAt,
  type Vendor,
} from './vendor.js';

const refusal = (message: string, type = 'invalid_prompt', node_errors: Json = {}): Reply =>
  ok({ error: { type, message, details: '', extra_info: {} }, node_errors }, 400);

function refusalOf({ type, message, node }: GraphProblem): Reply {
  if (node === null) return refusal(message, type);
  const { id, ...error } = node;
  return refusal(message, type, { [id]: { errors: [error], dependent_outputs: [] } });
}

const nodesOf = (body: Json): Json => valueAt(body, 'prompt') as Json;
const graphOfTask = ({ body }: Task): Graph => graphOf(nodesOf(body));

const submit: SubmitCall = {
  does: 'submit',
  at: 'POST /prompt',
  body: promptBody,
  check: (body) => {
    const problem = problemOf(nodesOf(body));
    return problem === null ? null : refusalOf(problem);
  },
  prompt: (body) => graphOf(nodesOf(body)).prompt,
  size: (body) => graphOf(nodesOf(body)),
  answer: ({ id }) => ok({ prompt_id: id, number: 1, node_errors: {} }),
};

/** The files of a finished task, `<prefix>_00001_.png` and on; a prefix may name a folder. */
function outputsOf(task: Task): Json {
  const { output, prefix, n } = graphOfTask(task);
  const [name = '', ...folders] = prefix.split('/').toReversed();
  const images = Array.from({ length: n }, (_, i) => ({
    filename: `${task.id}-${name}_${String(i + 1).padStart(5, '0')}_.png`,
    subfolder: folders.toReversed().join('/'),
    type: 'output',
  }));
  return { [output]: { images } };
}

const view: Call = {
  does: 'fetch',
  at: 'GET /view',
  // The stand-in knows the task by the name of its file.
  id: ({ query }) => /^(.{36})-.*_\d{5}_\.png$/.exec(query.get('filename') ?? '')?.[1],
  answer: (task, _, { query }) => {
    const number = Number(/_(\d{5})_\.png$/.exec(query.get('filename') ?? '')?.[1]);
    const { prefix, seed, n } = graphOfTask(task);
    const isThere = query.get('subfolder') === prefix.split('/').slice(0, -1).join('/') && number <= n;
    if (!isThere || query.get('type') !== 'output') return { status: 404, body: '' };
    return pictureReply(task, { ...task.size, seed: seed + number - 1 });
  },
};

/** For health checks. */
const systemStats = ok({ system: { os: 'posix', comfyui_version: 'stand-in' }, devices: [] });

/**
 * ComfyUI with its jobs API. It has no key; a client may give the id of a task. No model runs: the picture is drawn.
 * https://github.com/Comfy-Org/ComfyUI: server.py, comfy_execution/jobs.py
 */
export const comfyUi: Vendor = {
  accepts: () => true,
  replies: {
    unauthorized: { status: 401, body: '' },
    invalid: refusal,
    banned: refusalOf({
      type: 'prompt_outputs_failed_validation',
      message: 'Prompt outputs failed validation',
      node: {
        id: '6',
        type: 'value_not_allowed',
        message: 'Value not allowed',
        details: 'text: refused by a node',
      },
    }),
    busy: null,
    unknown: ok({ error: 'Job not found' }, 404),
  },
  pages: { '/system_stats': systemStats },
  calls: [
    { ...submit, id: (body: Json) => textAt(body, 'prompt_id') },
    {
      does: 'look',
      at: 'GET /api/jobs/:id',
      answer: (task, { is }) =>
        ok({
          id: task.id,
          status: JOB_STATUS[is],
          priority: 0,
          create_time: 1_764_150_000_000,
          outputs_count: is === 'done' ? 1 : 0,
          ...(is === 'done' && { outputs: outputsOf(task) }),
          ...(is === 'failed' && {
            execution_error: {
              exception_message: NO_GPU,
              exception_type: 'RuntimeError',
              node_type: 'KSampler',
            },
          }),
        }),
    },
    { does: 'cancel', at: 'POST /api/jobs/:id/cancel', answer: () => ok({ cancelled: true }) },
    view,
  ],
};

/** ComfyUI before it had a jobs API: a task's history is empty until it has ended, and its id is the server's. */
export const comfyUiBeforeJobsApi: Vendor = {
  ...comfyUi,
  replies: { ...comfyUi.replies, unknown: ok({}) },
  calls: [
    submit,
    { does: 'look', at: 'GET /history/:id', answer: (task, phase) => ok(historyOf(task, phase)) },
    // Removes what waits.
    {
      does: 'cancel',
      at: 'POST /queue',
      id: ({ body }) => String(valueAt(body, 'delete.0')),
      answer: () => ({ status: 200, body: '' }),
    },
    // Stops what runs.
    {
      does: 'cancel',
      at: 'POST /interrupt',
      id: ({ body }) => textAt(body, 'prompt_id'),
      answer: () => ({ status: 200, body: '' }),
    },
    view,
  ],
};

function historyOf(task: Task, { is }: Phase): Json {
  if (is === 'queued' || is === 'running') return {};
  const prompt = [1, task.id, nodesOf(task.body), {}, [graphOfTask(task).output]];
  if (is === 'done') {
    const status = {
      status_str: 'success',
      completed: true,
      messages: [['execution_success', { prompt_id: task.id }]],
    };
    return { [task.id]: { prompt, outputs: outputsOf(task), status } };
  }
  const last =
    is === 'failed'
      ? ['execution_error', { prompt_id: task.id, exception_message: NO_GPU, node_type: 'KSampler' }]
      : ['execution_interrupted', { prompt_id: task.id, node_type: 'KSampler' }];
  const messages = [['execution_start', { prompt_id: task.id }], last];
  return { [task.id]: { prompt, outputs: {}, status: { status_str: 'error', completed: false, messages } } };
}

const JOB_STATUS = {
  queued: 'pending',
  running: 'in_progress',
  done: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;
