import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { serviceForTest } from '../service.js';
import { until } from '../until.js';
import { pollOf } from './engine.js';
import { TaskServer } from './task-server.js';

/** A film that has no end: it is sent for as long as anything reads it. */
async function endlessFilm() {
  const seen = { sent: 0, closed: 0 };
  const server = createServer((_, response) => {
    const more = () => {
      do seen.sent += 65_536;
      while (response.write(Buffer.alloc(65_536)));
    };
    response.writeHead(200, { 'content-type': 'video/mp4' }).on('drain', more);
    response.on('close', () => (seen.closed += 1));
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/film` };
}

it('answers the HEAD of a file without reading the file from the upstream', async () => {
  const upstream = await TaskServer.forTest(0);
  const film = await endlessFilm();
  upstream.more = { url: film.url };
  const service = await serviceForTest();
  await service.register({
    model_name: 'film',
    task: 'video',
    req_url_template: `${upstream.url}/tasks`,
    body: { prompt: '{USER_PROMPT}', job: '{JOB_ID}' },
    poll: pollOf({ result: { extract: 'url', as: 'url' }, origins: [new URL(film.url).origin] }),
  });
  const { json } = await service.post('/api/v1/jobs', { model: 'film', prompt: 'waves' });
  const { id } = json as { id: string };
  await until(async () => (await service.get(`/api/v1/jobs/${id}`)).text.includes('"status":"succeeded"'));

  const head = await fetch(`${service.url}/api/v1/jobs/${id}/files/0`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-type')]).toEqual([200, 'video/mp4']);
  // The upstream promises no ranges, so none are promised.
  expect(head.headers.get('accept-ranges')).toBeNull();
  await until(() => film.seen.closed === 1);
});
