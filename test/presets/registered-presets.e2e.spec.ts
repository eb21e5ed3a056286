import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRESETS } from '../../src/registry/presets/presets.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
});
afterAll(() => service.stop());

describe('GET /api/v1/presets', () => {
  it('shows the system, the fields and an example of each preset', async () => {
    const { status, json } = await service.get('/api/v1/presets');
    expect(status).toBe(200);
    const { data } = json as { data: readonly { readonly name: string }[] };
    expect(data.map(({ name }) => name)).toEqual(Object.keys(PRESETS));
    expect(data.find(({ name }) => name === 'stable-diffusion-webui')).toEqual({
      name: 'stable-diffusion-webui',
      title: 'Stable Diffusion webui (started with --api)',
      kind: 'image',
      protocol: 'template',
      source: 'https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API',
      fields: [
        { name: 'model_name', required: true, hint: 'the name that clients request' },
        { name: 'base_url', required: true },
        {
          name: 'api_key',
          required: false,
          hint: 'user:password in base64, if it was started with --api-auth',
        },
      ],
      example: {
        preset: 'stable-diffusion-webui',
        model_name: 'stable-diffusion',
        base_url: 'http://127.0.0.1:7860',
      },
    });
  });

  it('says where the shapes of a vendor were read, and what is not confirmed', async () => {
    const { json } = await service.get('/api/v1/presets');
    const { data } = json as { data: readonly { readonly name: string }[] };
    expect(data.find(({ name }) => name === 'replicate')).toMatchObject({
      source: 'https://replicate.com/docs/topics/predictions/lifecycle',
      read_on: '2026-11-26',
      unconfirmed: expect.arrayContaining([expect.stringContaining('inputs of its own')]) as string[],
      fields: [
        { name: 'model_name', required: true },
        { name: 'base_url', required: false, default: 'https://api.replicate.com' },
        { name: 'api_key', required: true },
        { name: 'upstream_model', required: true, hint: expect.stringContaining('owner/name') as string },
      ],
    });
  });
});
