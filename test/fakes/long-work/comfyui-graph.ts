import { type Json, numberAt, object, textAt, valueAt } from './vendor.js';

/** What a graph requests, by its nodes. */
export interface Graph {
  readonly prompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly n: number;
  /** The node that saves, and its `filename_prefix`. */
  readonly output: string;
  readonly prefix: string;
}

export interface GraphProblem {
  readonly type: string;
  readonly message: string;
  /** What is wrong with one node; `null`: the graph as a whole is wrong. */
  readonly node: {
    readonly id: string;
    readonly type: string;
    readonly message: string;
    readonly details: string;
  } | null;
}

/** Inputs of a node: a link to another node, or a value of a type. */
const NODES: Readonly<Record<string, Readonly<Record<string, 'link' | 'text' | 'integer' | 'number'>>>> = {
  CheckpointLoaderSimple: { ckpt_name: 'text' },
  CLIPTextEncode: { text: 'text', clip: 'link' },
  EmptyLatentImage: { width: 'integer', height: 'integer', batch_size: 'integer' },
  KSampler: {
    seed: 'integer',
    steps: 'integer',
    cfg: 'number',
    sampler_name: 'text',
    scheduler: 'text',
    denoise: 'number',
    model: 'link',
    positive: 'link',
    negative: 'link',
    latent_image: 'link',
  },
  VAEDecode: { samples: 'link', vae: 'link' },
  SaveImage: { filename_prefix: 'text', images: 'link' },
};

export const CHECKPOINTS: readonly string[] = [
  'sd_xl_base_1.0.safetensors',
  'v1-5-pruned-emaonly.safetensors',
];

/** Of POST /prompt. The graph itself is checked by `problemOf`. */
export const promptBody = object(
  { prompt: { type: 'object', minProperties: 1 } },
  {
    prompt_id: { type: 'string', pattern: '^[0-9a-f-]{36}$' },
    client_id: { type: 'string' },
    extra_data: { type: 'object' },
  },
);

/** As execution.py's `validate_prompt`: nodes exist, have their inputs in their types, and one of them saves. */
export function problemOf(prompt: Json): GraphProblem | null {
  for (const [id, node] of Object.entries(prompt)) {
    const type = textAt(node, 'class_type');
    const inputs = NODES[type];
    if (inputs === undefined)
      return { type: 'missing_node_type', message: `Node '${type}' not found.`, node: null };
    for (const [name, kind] of Object.entries(inputs)) {
      const value = valueAt(node, `inputs.${name}`);
      const isRight = kind === 'link' ? isLink(value, prompt) : isOf(value, kind);
      if (!isRight)
        return wrong(id, 'invalid_input_type', 'Failed to convert an input value', `${name} is no ${kind}`);
    }
    const checkpoint = valueAt(node, 'inputs.ckpt_name');
    if (type === 'CheckpointLoaderSimple' && !CHECKPOINTS.includes(String(checkpoint))) {
      const details = `ckpt_name: '${String(checkpoint)}' not in [${CHECKPOINTS.join(', ')}]`;
      return wrong(id, 'value_not_in_list', 'Value not in list', details);
    }
  }
  const saves = Object.values(prompt).some((node) => textAt(node, 'class_type') === 'SaveImage');
  return saves ? null : { type: 'prompt_no_outputs', message: 'Prompt has no outputs', node: null };
}

/** Follows the links of a valid graph back from the node that saves. */
export function graphOf(prompt: Json): Graph {
  const [output = ''] =
    Object.entries(prompt).find(([, node]) => textAt(node, 'class_type') === 'SaveImage') ?? [];
  const linked = (node: string, input: string): string =>
    String(valueAt(prompt, `${node}.inputs.${input}.0`));
  const sampler = linked(linked(output, 'images'), 'samples');
  const latent = linked(sampler, 'latent_image');
  return {
    prompt: textAt(prompt, `${linked(sampler, 'positive')}.inputs.text`),
    seed: numberAt(prompt, `${sampler}.inputs.seed`, 0),
    width: numberAt(prompt, `${latent}.inputs.width`, 512),
    height: numberAt(prompt, `${latent}.inputs.height`, 512),
    n: numberAt(prompt, `${latent}.inputs.batch_size`, 1),
    output,
    prefix: textAt(prompt, `${output}.inputs.filename_prefix`),
  };
}

const wrong = (id: string, type: string, message: string, details: string): GraphProblem => ({
  type: 'prompt_outputs_failed_validation',
  message: 'Prompt outputs failed validation',
  node: { id, type, message, details },
});

const isLink = (value: unknown, prompt: Json): boolean =>
  Array.isArray(value) &&
  value.length === 2 &&
  Object.hasOwn(prompt, String(value[0])) &&
  Number.isInteger(value[1]);

function isOf(value: unknown, kind: 'text' | 'integer' | 'number'): boolean {
  if (kind === 'text') return typeof value === 'string';
  return typeof value === 'number' && (kind === 'number' || Number.isInteger(value)) && value >= 0;
}
