import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { ANSWER, registerModels, stopAll, type Upstreams } from './models.js';

const FOLDER = 'examples/requests';
const run = promisify(execFile);

let service: TestService;
let upstreams: Upstreams;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  upstreams = await registerModels(service);
});
afterAll(() => stopAll(service, upstreams));

describe('examples/requests', () => {
  const scripts = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'));

  it.each(scripts)('%s prints the answer of the model', async (name) => {
    for (const model of ['org/openai', 'org/whole', 'org/gemini']) {
      const env = { ...process.env, MMM_URL: service.url, MMM_MODEL: model };
      const { stdout } = await run(process.execPath, [`${FOLDER}/${name}`], { env });
      expect([model, stdout]).toEqual([model, `${ANSWER}\n`]);
    }
  });

  it('curl.sh prints an answer and a stream', async () => {
    const env = { ...process.env, MMM_URL: service.url, MMM_MODEL: 'org/stream' };
    const { stdout } = await run('sh', [`${FOLDER}/curl.sh`], { env });
    const [whole = '', ...events] = stdout.split('\n').filter((line) => line !== '');
    expect(JSON.parse(whole)).toMatchObject({ choices: [{ message: { content: ANSWER } }] });
    expect(events.at(-1)).toBe('data: [DONE]');
  });

  it('contains an example for each documented client', () => {
    expect(scripts.toSorted()).toEqual(['ai-sdk.mjs', 'anthropic.mjs', 'langchain.mjs', 'openai.mjs']);
  });
});
