import { describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest } from '../service.js';

/** Promises of the specification that its reference server (OperateGPT's worker_manager.py) breaks. */
describe('The native API avoids the faults of its reference server:', () => {
  it('each call sends its own prompt, not the first one', async () => {
    const service = await serviceForTest();
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const body = {
      input: '{USER_PROMPT}',
      nested: [{ again: 'say {USER_PROMPT}' }],
      model_name: '{MODEL_NAME}',
    };
    const worker = aWorker(upstream, { body });
    await service.register(worker);
    for (const prompt of ['first', 'second', '{USER_PROMPT}']) await service.chat(worker.model_name, prompt);
    expect(upstream.requests.map((sent) => JSON.parse(sent.body) as unknown)).toEqual(
      ['first', 'second', '{USER_PROMPT}'].map((prompt) => ({
        input: prompt,
        nested: [{ again: `say ${prompt}` }],
        model_name: worker.model_name,
      })),
    );
    const stored = await service.database.query('SELECT body::text AS body FROM worker');
    expect(stored).toEqual([{ body: JSON.stringify(body) }]);
  });

  it('the temperature is inserted as a number', async () => {
    const service = await serviceForTest();
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    const worker = aWorker(upstream, { body: { p: '{USER_PROMPT}', temperature: '{MODEL_TEMPERATURE}' } });
    await service.register(worker);
    const chat = { model_name: worker.model_name, input: 'x', temperature: 0.7 };
    await service.post('/api/v1/chat/completions', chat);
    expect(upstream.requests[0]?.body).toBe('{"p":"x","temperature":0.7}');
  });

  it('every error is JSON with a matching status, not a raised string', async () => {
    const service = await serviceForTest();
    const upstream = await upstreamForTest('closes');
    const worker = aWorker(upstream);
    await service.register(worker);
    const answers = await Promise.all([
      service.register(worker),
      service.post('/api/server/offline', {
        ...worker,
        body: undefined,
        response_extract: undefined,
        model_name: 'n',
      }),
      service.register({ model_name: 'incomplete' }),
      service.chat('unknown', 'x'),
      service.chat(worker.model_name, 'x'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([409, 404, 400, 404, 502]);
    for (const { json: body, text, headers } of answers) {
      expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(body).toMatchObject({ success: false, msg: expect.stringMatching(/.{10}/) as unknown });
      expect(text).not.toMatch(/exceptions must derive|Traceback|\n\s+at /);
    }
  });

  it('the list is an array of objects, not text', async () => {
    const service = await serviceForTest();
    const worker = aWorker(await upstreamForTest());
    await service.register(worker);
    const { json: body, headers } = await service.get('/api/server/workers');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(body).toEqual({
      success: true,
      data: [{ model_name: worker.model_name, req_url_template: worker.req_url_template }],
    });
  });
});
