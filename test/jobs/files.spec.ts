import { ROOT } from '../../src/access/caller.js';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseForTest } from '../database.js';
import { until } from '../until.js';
import { aJob, ended, type EngineOptions, insertWorker, knows, pollOf, startEngine } from './engine.js';
import { answer, TaskServer } from './task-server.js';

const FILM = randomBytes(3 * 1024 * 1024 + 17);
const BYTES = { request: { url: '/films/{TASK_ID}' }, as: 'bytes' };
/** The task has been done for an hour. */
const PAST = `UPDATE job SET done_at = done_at - interval '1 hour' WHERE id = $1 AND done_at IS NOT NULL RETURNING id`;

async function stage(
  result: object,
  options: EngineOptions = {},
  more: object = {},
  file: Uint8Array = FILM,
) {
  const database = await databaseForTest();
  const upstream = await TaskServer.forTest(0, file);
  const workerId = await insertWorker(database, upstream.url, { poll: pollOf({ result, ...more }) });
  const engine = await startEngine(database, options);
  await knows(engine, workerId);
  const { job } = await engine.jobs.create(aJob('a cat'));
  return { database, upstream, engine, job };
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('a file that is copied', () => {
  it('that never ends does not keep a cancel from ending the job', async () => {
    const { engine, job, upstream } = await stage({ ...BYTES, store: true }, { jobs: { cancelMs: 1_500 } });
    let isDripping = false;
    upstream.interfere = (request, response) => {
      if (request.url?.startsWith('/films/') !== true) return false;
      isDripping = true;
      response.writeHead(200, { 'content-type': 'video/mp4' });
      const drip = setInterval(() => response.write('x'), 50);
      response.once('close', () => clearInterval(drip));
      return true;
    };
    await until(() => isDripping);
    await engine.jobs.cancel(job.id, ROOT);
    expect(await ended(engine, job)).toMatchObject({
      state: 'cancelled',
      note: 'its result did not come in time',
    });
  });

  it('is stored in parts, and served whole and in ranges that cross parts', async () => {
    const { engine, job, database, upstream } = await stage({ ...BYTES, store: true });
    const done = await ended(engine, job);
    expect(done.files).toEqual([{ number: 0, url: null, type: 'video/mp4', bytes: FILM.length }]);
    const parts = await database.query<{ size: number }>(
      'SELECT octet_length(bytes) AS size FROM job_file ORDER BY part',
    );
    expect(parts.map(({ size }) => size)).toEqual([1024 ** 2, 1024 ** 2, 1024 ** 2, 17]);
    await upstream.close();
    const whole = await engine.jobs.content(done, 0, null);
    expect(whole).toMatchObject({
      status: 200,
      headers: { 'content-length': String(FILM.length), 'content-type': 'video/mp4' },
    });
    expect(digest(await bytesOf(whole.stream))).toBe(digest(FILM));
    const [first, last] = [1024 ** 2 - 5, 2 * 1024 ** 2 + 5];
    const range = await engine.jobs.content(done, 0, `bytes=${first}-${last}`);
    expect(range).toMatchObject({
      status: 206,
      headers: { 'content-range': `bytes ${first}-${last}/${FILM.length}` },
    });
    expect(digest(await bytesOf(range.stream))).toBe(digest(FILM.subarray(first, last + 1)));
    const beyond = await engine.jobs.content(done, 0, `bytes=${FILM.length}-`);
    expect(beyond).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${FILM.length}` } });
    await expect(engine.jobs.content(done, 1, null)).rejects.toThrow('there is no file 1');
  });

  it('is copied from its URL where the worker says store', async () => {
    const { engine, job, upstream } = await stage({ extract: 'url', as: 'url', store: true });
    const done = await ended(engine, job);
    expect(done.files).toEqual([{ number: 0, url: null, type: 'video/mp4', bytes: FILM.length }]);
    await upstream.close();
    expect(digest(await bytesOf((await engine.jobs.content(done, 0, null)).stream))).toBe(digest(FILM));
  });

  it('leaves nothing in the database of tries that broke off, while others follow', async () => {
    const { engine, job, upstream, database } = await stage({ ...BYTES, store: true });
    let breaks = 0;
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films')) return false;
      breaks += 1;
      response.writeHead(200, { 'content-length': FILM.length });
      response.write(FILM.subarray(0, 2 * 1024 ** 2), () => response.destroy());
      return true;
    };
    await until(() => breaks >= 4);
    const copies = await database.query('SELECT DISTINCT copy FROM job_file');
    // The last may be in the making.
    expect(copies.length).toBeLessThanOrEqual(1);
    await engine.jobs.cancel(job.id, ROOT);
    await ended(engine, job);
  });

  it('ends the job with a clear reason where it is larger than may be stored', async () => {
    const stored = await stage({ ...BYTES, store: true }, { jobs: { resultBytes: 2_000_000 } });
    expect(await ended(stored.engine, stored.job)).toMatchObject({
      error: { code: 'result_unreachable', message: expect.stringContaining('larger than 2000000 bytes') },
    });
    expect(await stored.database.query('SELECT FROM job_file')).toHaveLength(0);
  });

  it('is stored where the answer holds it in base64', async () => {
    const { engine, job, upstream } = await stage(
      { extract: 'picture', as: 'base64' },
      {},
      {},
      Buffer.from(''),
    );
    upstream.more = { picture: Buffer.from('a picture').toString('base64') };
    const done = await ended(engine, job);
    expect(done.files).toMatchObject([{ url: null, bytes: 9 }]);
    expect(String(await bytesOf((await engine.jobs.content(done, 0, null)).stream))).toBe('a picture');
  });
});

describe('a file that stays at the upstream', () => {
  it('is streamed from there with its range, by the URL and by a request', async () => {
    for (const result of [{ extract: 'url', as: 'url' }, BYTES]) {
      const { engine, job, database } = await stage(result);
      const done = await ended(engine, job);
      expect(await database.query('SELECT FROM job_file')).toHaveLength(0);
      const whole = await engine.jobs.content(done, 0, null);
      expect(whole).toMatchObject({ status: 200, headers: { 'content-type': 'video/mp4' } });
      expect(digest(await bytesOf(whole.stream))).toBe(digest(FILM));
      const range = await engine.jobs.content(done, 0, 'bytes=5-9');
      expect(range).toMatchObject({ status: 206, headers: { 'content-range': `bytes 5-9/${FILM.length}` } });
      expect(await bytesOf(range.stream)).toEqual(FILM.subarray(5, 10));
    }
  });

  it('is requested anew once when its URL has expired', async () => {
    const { engine, job, upstream } = await stage({ extract: 'url', as: 'url' });
    const done = await ended(engine, job);
    const before = done.files[0]?.url ?? '';
    upstream.filesAt = 'renewed';
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films')) return false;
      answer(response, 403, { error: 'expired' });
      return true;
    };
    const content = await engine.jobs.content(done, 0, null);
    expect(digest(await bytesOf(content.stream))).toBe(digest(FILM));
    const after = (await engine.jobs.find(job.id))?.files[0]?.url ?? '';
    expect(before).toContain('/films/');
    expect(after).toContain('/renewed/');
    upstream.filesAt = 'films';
    upstream.interfere = (request, response) => {
      if (!/films|renewed/.test(request.url ?? '')) return false;
      answer(response, 410, {});
      return true;
    };
    await expect(engine.jobs.content(done, 0, null)).rejects.toThrow('the upstream no longer has this file');
  });

  it.each([
    ['copied', true],
    ['left there', false],
  ])('is fetched again while it is empty, whether it is %s', async (_, store) => {
    const { engine, job, upstream } = await stage({ ...BYTES, store });
    let empty = 1;
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films') || empty === 0) return false;
      empty -= 1;
      response.writeHead(200, { 'content-length': 0 }).end();
      return true;
    };
    expect((await ended(engine, job)).files).toMatchObject([{ bytes: FILM.length }]);
    expect(empty).toBe(0);
  });

  it('is fetched from a new URL where its first one does not work', async () => {
    const { engine, job, upstream } = await stage({ extract: 'url', as: 'url', store: true });
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films')) return false;
      upstream.filesAt = 'renewed';
      answer(response, 403, { error: 'expired' });
      return true;
    };
    expect(await ended(engine, job)).toMatchObject({ state: 'succeeded', files: [{ bytes: FILM.length }] });
  });

  it.each([404, 410])(
    'ends the job with the status where every new URL answers %i, long before the end of its time',
    async (status) => {
      const { engine, job, upstream } = await stage(
        { extract: 'url', as: 'url', store: true },
        {},
        { not_found_ms: 1_000 },
      );
      upstream.interfere = (request, response) => {
        if (!request.url?.startsWith('/films')) return false;
        answer(response, status, {});
        return true;
      };
      const done = await ended(engine, job);
      expect(done.error?.code).toBe('result_unreachable');
      expect(done.error?.message).toContain(`its file answered ${status}`);
      expect([...upstream.tasks.values()][0]?.looks).toBeGreaterThan(1);
    },
  );

  it('is fetched again while the upstream cannot give it, and fails after a while', async () => {
    const { engine, job, upstream, database } = await stage({ ...BYTES, store: true });
    let failures = 2;
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films') || failures === 0) return false;
      failures -= 1;
      answer(response, 503, {});
      return true;
    };
    expect((await ended(engine, job)).state).toBe('succeeded');
    failures = Infinity;
    const second = await engine.jobs.create(aJob('a dog'));
    await until(async () => (await engine.jobs.find(second.job.id))?.note.startsWith('done;') === true);
    expect(await database.query(PAST, [second.job.id])).toHaveLength(1);
    expect(await ended(engine, second.job)).toMatchObject({ error: { code: 'result_unreachable' } });
  });
});

describe('a URL in an answer', () => {
  it.each([
    'http://127.0.0.1:9/film',
    'http://10.0.0.1/film',
    'http://169.254.169.254/latest',
    'http://[fd00::1]/film',
  ])('may not lead to %s', async (url) => {
    const { engine, job, upstream, database } = await stage({ extract: 'url', as: 'url' });
    upstream.more = { url };
    const done = await ended(engine, job);
    expect(done.error?.code).toBe('result_forbidden');
    expect(done.error?.message).toMatch(/may not use\. If its files belong there, .*poll\.origins/);
    // Clients and viewers read it: addresses are for the log.
    const [row] = await database.query<{ why: string }>('SELECT why FROM job_overview');
    expect(row?.why).toBe(`result_forbidden: ${done.error?.message}`);
    expect(row?.why).not.toMatch(/\d\.\d|fd00/);
  });

  it('may lead to an origin that the registrar listed, which gets the credentials; a redirect elsewhere does not', async () => {
    const seen: (string | undefined)[] = [];
    const cdn = createServer((request, response) => {
      seen.push(request.headers['x-key'] as string | undefined);
      response.end('from the CDN');
    });
    await new Promise<void>((resolve) => cdn.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void cdn.close());
    const origin = `http://127.0.0.1:${(cdn.address() as AddressInfo).port}`;
    const { engine, job, upstream } = await stage(
      { extract: 'url', as: 'url', store: true },
      {},
      { origins: [origin] },
    );
    upstream.more = { url: `${origin}/film` };
    const done = await ended(engine, job);
    expect(String(await bytesOf((await engine.jobs.content(done, 0, null)).stream))).toBe('from the CDN');
    expect(seen).toEqual(['k']);
    // The worker's own origin redirects to the other: no credentials go along.
    upstream.more = {};
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films')) return false;
      response.writeHead(302, { location: `${origin}/elsewhere` }).end();
      return true;
    };
    const second = await engine.jobs.create(aJob('a dog'));
    expect((await ended(engine, second.job)).state).toBe('succeeded');
    expect(seen).toEqual(['k', undefined]);
    // And never to where the guard forbids.
    upstream.interfere = (request, response) => {
      if (!request.url?.startsWith('/films')) return false;
      response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end();
      return true;
    };
    const third = await engine.jobs.create(aJob('a bird'));
    expect(await ended(engine, third.job)).toMatchObject({ error: { code: 'result_forbidden' } });
  });
});
