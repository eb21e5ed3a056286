/** A picture through the whole path: a graph of ComfyUI's API, submitted, polled and fetched as a job. */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
// Compiled by `npm run demo`; the tests use the same stand-in.
import { StandIn } from '../../dist/test/fakes/long-work/stand-in.js';
import { VENDORS } from '../../dist/test/fakes/long-work/vendors.js';
import { line, table } from './print.mjs';

const MODEL = 'painter';
const PROMPT = 'a black cat beside a red house by the sea at sunset, with a boat';
const SIZE = '1024x640';
const FILE = join(tmpdir(), 'mmm-demo-picture.png');
const PNG = Buffer.from('89504e470d0a1a0a', 'hex');

/**
 * @param {import('./service.mjs').Service} service
 * @param {AbortSignal} signal
 */
export async function showPicture(service, signal) {
  const standIn = await StandIn.start(VENDORS.comfyui, 'comfyui');
  try {
    line(
      'ComfyUI',
      `${standIn.url}  (a stand-in with its API: it draws shapes with a library, no model runs)`,
    );
    const message = await service.register({
      preset: 'comfyui',
      model_name: MODEL,
      base_url: standIn.url,
      upstream_model: 'sd_xl_base_1.0.safetensors',
    });
    line('worker', message);
    const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const { data, response } = await client.images
      .generate({ model: MODEL, prompt: PROMPT, size: SIZE, response_format: 'b64_json' }, { signal })
      .withResponse();
    const picture = Buffer.from(data.data?.[0]?.b64_json ?? '', 'base64');
    if (!picture.subarray(0, 8).equals(PNG)) throw new Error('the answer holds no PNG');
    await writeFile(FILE, picture);
    line('prompt', PROMPT);
    line('picture', `${FILE}, ${Math.round(picture.length / 1000)} kB, by openai's images.generate`);
    const id = response.headers.get('x-mmm-job-id') ?? '';
    const sql = `SELECT state, upstream_word, submits, looks FROM job_overview WHERE id = '${id}'`;
    table(`psql: ${sql}`, await service.query(sql));
  } finally {
    await standIn.close();
  }
}
