import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Answer, json, text } from '../fakes/fake-upstream.js';
import { upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest } from '../service.js';

const run = promisify(execFile);
const WITHOUT_PROXY = { ...process.env, no_proxy: '*' };
const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** The specification of the native API, character for character. */
const DOCUMENT = readFileSync(new URL('../fixtures/seed-document.txt', import.meta.url), 'utf8');

/** The addresses in the document. */
const SERVICE = 'http://127.0.0.1:8007';
const CHATGLM = 'https://xxx/openapi/xxx/inference/query';
const PROXYLLM = 'http://127.0.0.1/api/generate';
/** The same worker in the list of the document. */
const PROXYLLM_LISTED = 'http://localhost:8008/generate';

const curls = DOCUMENT.match(/^curl [^]*?(?=\n\n)/gm) ?? [];
const answers = [...DOCUMENT.matchAll(/^# Return Result\d*\n+(\{[^]*?\n\})/gm)].map(
  ([, answer = '']) => answer,
);

describe('The specification of the native API', () => {
  it('contains five curl commands and five answers', () => {
    expect([curls.length, answers.length]).toEqual([5, 5]);
  });

  it.skipIf(!hasCurl)(
    'gets the documented answer for every curl command, verbatim except for upstream addresses',
    async () => {
      const chatglm = await upstreamForTest(
        answering('/openapi/xxx/inference/query', sentence(answers[3] ?? '')),
      );
      const proxyllm = await upstreamForTest(answering('/api/generate', sentence(answers[4] ?? '')));
      const service = await serviceForTest();
      const here = (command: string): string =>
        command
          .replaceAll(SERVICE, service.url)
          .replaceAll(CHATGLM, `${chatglm.url}/openapi/xxx/inference/query`)
          .replaceAll(PROXYLLM, `${proxyllm.url}/api/generate`)
          .replaceAll(PROXYLLM_LISTED, `${proxyllm.url}/api/generate`);
      const curl = async (index: number): Promise<unknown> => {
        const { stdout } = await run('sh', ['-c', here(curls[index] ?? 'false')], { env: WITHOUT_PROXY });
        return JSON.parse(stdout);
      };
      const answer = (index: number): unknown => JSON.parse(here(answers[index] ?? ''));
      /** The document calls a model that is registered already, and again after removing it. */
      const registerChatglm = () =>
        service.register({
          model_name: 'chatglm2-6b',
          req_url_template: `${chatglm.url}/openapi/xxx/inference/query`,
          body: { prompt: '{USER_PROMPT}' },
          response_extract: 'response["data"]["items"][0]["attributes"]["answer"]',
        });

      expect((await registerChatglm()).status).toBe(200);
      expect(await curl(0)).toEqual(answer(0));
      expect(await curl(1)).toEqual(answer(1));
      expect(await curl(2)).toEqual(answer(2));
      expect((await registerChatglm()).status).toBe(200);
      expect(await curl(3)).toEqual(answer(3));
      expect(await curl(4)).toEqual(answer(4));

      expect(chatglm.requests.map(({ body }) => body)).toEqual(['{"prompt":"who are you?"}']);
      expect(proxyllm.requests.map(({ body }) => body)).toEqual([
        '{"input":"who are you?","model_name":"proxyllm"}',
      ]);
    },
  );
});

/** Answers like the inference services of the document, at one path only. */
function answering(path: string, output: string): Answer {
  const items = [{ attributes: { answer: output } }];
  const answer = json({ code: '200', data: { items }, success: true, traceId: 't' });
  return (response, request) =>
    (request.method === 'POST' && request.url === path ? answer : text('not here', 404))(response, request);
}

function sentence(answer: string): string {
  const { result } = JSON.parse(answer) as { result: string };
  return result;
}
