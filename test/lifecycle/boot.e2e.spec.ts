import { describe, expect, it } from 'vitest';
import { json, startFakeUpstream } from '../fakes/fake-upstream.js';
import { serviceForTest } from '../service.js';

describe('the whole application', () => {
  it('boots, registers a model by data, calls it and takes it offline', async () => {
    const upstream = await startFakeUpstream(json({ answer: 'hello' }));
    const service = await serviceForTest();
    const key = { model_name: 'm', req_url_template: `${upstream.url}/x` };
    const worker = { ...key, body: { q: '{USER_PROMPT}' }, response_extract: 'answer' };

    expect((await service.register(worker)).json).toEqual({ success: true, msg: 'register LLM m succeed!' });
    expect((await service.chat('m', 'hi')).json).toMatchObject({ success: true, result: 'hello' });
    expect((await service.post('/api/server/offline', key)).status).toBe(200);
    expect((await service.chat('m', 'hi')).status).toBe(404);

    expect(upstream.requests.map(({ body }) => body)).toEqual(['{"q":"hi"}']);
    await upstream.close();
  });
});
