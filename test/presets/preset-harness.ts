import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Preset } from '../../src/registry/presets/preset.js';
import { LONG_WORK_PRESETS, PRESETS } from '../../src/registry/presets/presets.js';
import { type FakeUpstream, startFakeUpstream } from '../fakes/fake-upstream.js';
import { type PresetFixture, presetFixture } from '../fixtures/presets/fixture.js';
import { viewsOf } from '../fixtures/worker.js';
import { PresetUpstream } from './preset-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';

export interface PlayedPreset {
  readonly name: string;
  readonly preset: Preset;
  readonly fixture: PresetFixture;
  /** The name that clients use. */
  readonly model: string;
}

/** long-work-harness.ts plays the others. */
export const PLAYED: readonly PlayedPreset[] = Object.entries(PRESETS)
  .filter(([name]) => !Object.hasOwn(LONG_WORK_PRESETS, name))
  .map(([name, preset]) => ({ name, preset, fixture: presetFixture(name), model: `org/${name}` }));

/** One service, and for each preset a registered upstream that plays its fixture. */
export class PresetHarness {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
  private readonly played = new Map<string, { server: FakeUpstream; upstream: PresetUpstream }>();

  private constructor(readonly service: TestService) {
    this.openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
    this.anthropic = new Anthropic({ baseURL: service.url, apiKey: 'none', maxRetries: 0 });
  }

  static async start(): Promise<PresetHarness> {
    const stage = new PresetHarness(await startService(SELDOM_PROBED));
    for (const each of PLAYED) await stage.register(each);
    return stage;
  }

  upstreamOf(preset: string): PresetUpstream {
    const found = this.played.get(preset);
    if (found === undefined) throw new Error(`${preset} is not registered`);
    return found.upstream;
  }

  /** @throws Error if an upstream received a request that its documentation does not describe */
  checkRequests(): void {
    const faults = [...this.played].flatMap(([preset, { upstream }]) =>
      upstream.faults.splice(0).map((fault) => `${preset} received ${fault}`),
    );
    if (faults.length > 0) throw new Error(faults.join('; '));
  }

  async probe(model: string): Promise<unknown> {
    return (await this.service.post(`/api/v1/workers/${await this.idOf(model)}/probe`, {})).json;
  }

  /** A worker that rejects its credentials gets no more calls until it is enabled again. */
  async enable(model: string): Promise<void> {
    await this.service.post(`/api/v1/workers/${await this.idOf(model)}/enable`, {});
    await until(async () => (await viewsOf(this.service, model))[0]?.['ejected_until'] === null);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.played.values()].map(({ server }) => server.close()));
    // Clients keep unused connections open, for which the service would wait.
    this.service.app.getHttpServer().closeAllConnections();
    await this.service.stop();
  }

  private async idOf(model: string): Promise<string> {
    return (await viewsOf(this.service, model))[0]?.id ?? '';
  }

  /** A registration with only the fields that the preset requires and the address of this upstream. */
  private async register({ name, preset, fixture, model }: PlayedPreset): Promise<void> {
    const { baseUrl, apiKey, protocol } = preset;
    const key = `key-of-${name}`;
    const theirs = protocol === 'template' ? null : `their-${name}`;
    const upstream = new PresetUpstream(fixture, { key, model: theirs });
    const server = await startFakeUpstream(upstream.behave);
    this.played.set(name, { server, upstream });
    const { status, text } = await this.service.register({
      preset: name,
      model_name: model,
      // The base URL of a provider may have a path.
      base_url: server.url + new URL(baseUrl ?? preset.example.base_url ?? server.url).pathname,
      ...(apiKey === 'none' ? {} : { api_key: key }),
      ...(theirs === null ? {} : { upstream_model: theirs }),
    });
    if (status !== 200) throw new Error(`${name} was not registered: ${text}`);
  }
}
