import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startFakeUpstream } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';

/** More than what the sockets between service and client take by themselves. */
const ANSWER = JSON.stringify({ choices: [{ message: { content: 'a'.repeat(24_000_000) } }] });

const MIB = 1024 * 1024;

let service: TestService;
beforeAll(async () => void (service = await startService(SELDOM_PROBED)));
afterAll(() => service.stop());

it.each([
  // Its worker waits for the client, too.
  ['passed through', 'openai', '/v1/chat/completions', 0.9 * MIB, 3 * MIB],
  ['translated', 'openai', '/api/v1/chat/completions', 0.9 * ANSWER.length, Infinity],
] as const)(
  'What is held of a large answer that is %s stays counted until a slow client has it',
  async (_how, protocol, path, least, most) => {
    const upstream = await startFakeUpstream((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(ANSWER);
    });
    onTestFinished(() => upstream.close());
    const model = `slow-${path}`;
    await service.register({ model_name: model, protocol, req_url_template: `${upstream.url}/v1` });
    const held = async (): Promise<number> =>
      Number(/^mmm_held_bytes (\d+)$/m.exec((await service.get('/metrics')).text)?.[1]);

    const { port, hostname } = new URL(service.url);
    const client = connect(Number(port), hostname).pause();
    onTestFinished(() => void client.destroy());
    const body = JSON.stringify({ model, model_name: model, messages: [{ role: 'user', content: 'x' }] });
    client.write(
      `POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
    await until(() => upstream.requests.length === 1);
    await until(async () => (await held()) >= least);
    // Not only while it arrives from the worker.
    await sleep(500);
    expect(await held()).toBeGreaterThan(least);
    expect(await held()).toBeLessThan(most);
    client.resume();
    await until(async () => (await held()) === 0);
  },
);
