import { EventSourceParserStream } from 'eventsource-parser/stream';
import OpenAI from 'openai';
import type { Preset } from '../../src/registry/presets/preset.js';
import { LONG_WORK_PRESETS } from '../../src/registry/presets/presets.js';
import { StandIn } from '../fakes/long-work/stand-in.js';
import type { Task, Weather } from '../fakes/long-work/task.js';
import { VENDORS } from '../fakes/long-work/vendors.js';
import type { Vendor } from '../fakes/long-work/vendor.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { until } from '../until.js';
import { IMAGE_BASE64, type Play, PLAYS } from './long-work-plays.js';

export interface PlayedPreset {
  readonly name: string;
  readonly preset: Preset;
  readonly vendor: Vendor;
  readonly play: Play;
  /** The name that clients use. */
  readonly model: string;
}

export const PLAYED: readonly PlayedPreset[] = Object.entries(LONG_WORK_PRESETS).map(([name, preset]) => {
  const [vendor, play] = [VENDORS[name], PLAYS[name]];
  if (vendor === undefined || play === undefined) throw new Error(`${name} has no stand-in or no play`);
  return { name, preset, vendor, play, model: `org/${name}` };
});

/** A job as clients see it. */
export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly upstream_status: string;
  readonly progress: number;
  readonly queue_position: number | null;
  readonly note: string;
  readonly result: {
    readonly files: readonly { readonly url: string; readonly content_type: string | null }[];
  } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A job that has ended, with what was seen on the way. */
export interface Ended {
  readonly job: JobView;
  readonly prompt: string;
  readonly progress: readonly number[];
  readonly queuePositions: readonly number[];
}

export interface MediaFile {
  readonly type: string | null;
  readonly bytes: Uint8Array;
}

export interface Generated {
  readonly prompt: string;
  readonly files: readonly MediaFile[];
}

// Its types list the sizes and seconds of OpenAI's own models.
type ImageRequest = Parameters<OpenAI['images']['generate']>[0] & { readonly stream?: false };
type VideoRequest = Parameters<OpenAI['videos']['create']>[0];

/** Half a second is the shortest interval that a registration may have; a whole task takes four looks. */
const QUICK_POLL = { interval_ms: 500, not_found_ms: 30_000 };
/** For tasks that get lost, which is noticed when their time is over. */
const SHORT_POLL = { interval_ms: 500, not_found_ms: 1_000, timeout_ms: 10_000 };
/** Long, for busy machines: more than 200 jobs run at once. */
const ENDED_WITHIN_MS = 240_000;

/** One service, and each preset for long work registered with a stand-in of its vendor. */
export class LongWorkHarness {
  readonly openai: OpenAI;
  readonly standIns = new Map<string, StandIn>();

  private constructor(readonly service: TestService) {
    this.openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }

  static async start(): Promise<LongWorkHarness> {
    const harness = new LongWorkHarness(await startService(SELDOM_PROBED));
    await Promise.all(PLAYED.map((played) => harness.registerAll(played)));
    return harness;
  }

  standIn(preset: string): StandIn {
    const found = this.standIns.get(preset);
    if (found === undefined) throw new Error(`${preset} is not registered`);
    return found;
  }

  taskOf(preset: string, prompt: string): Task | undefined {
    return this.standIn(preset).taskOf(prompt);
  }

  /** Submits a job and follows it to its end; one that is held is cancelled once it runs. */
  async run(
    played: PlayedPreset,
    weather: Weather,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Ended> {
    const prompt = promptOf(weather);
    const model = weather === 'lost' ? forLost(played.model) : played.model;
    const body = { model, prompt, ...played.play.request, ...more };
    const { status, json, text } = await this.service.post('/api/v1/jobs', body);
    if (status !== 202) throw new Error(`${played.name} answered ${status}: ${text}`);
    let job = json as JobView;
    const [progress, queuePositions]: [number[], number[]] = [[], []];
    const cancelled =
      weather === 'held' ? this.cancelOnceRunning(job.id, () => this.taskOf(played.name, prompt)) : null;
    // It is awaited below.
    cancelled?.catch(() => {});
    for await (job of this.eventsOf(job.id)) {
      progress.push(job.progress);
      if (job.queue_position !== null) queuePositions.push(job.queue_position);
    }
    await cancelled;
    return { job, prompt, progress, queuePositions };
  }

  /** The same model by OpenAI's client: `images.generate`, or `videos.create`, polled and downloaded. */
  async generate({ model, preset, play }: PlayedPreset): Promise<Generated> {
    const prompt = promptOf('ok');
    const { size, seconds, n, input_reference: image } = play.request;
    if (preset.kind === 'image') {
      const { data = [] } = await this.openai.images.generate({ model, prompt, size, n } as ImageRequest);
      const files = data.map(async ({ url, b64_json: base64 = '' }) =>
        url === undefined ? { type: null, bytes: Buffer.from(base64, 'base64') } : this.file(url),
      );
      return { prompt, files: await Promise.all(files) };
    }
    const input = image === undefined ? {} : { input_reference: await pictureFile() };
    const sent = { model, prompt, size, seconds: String(seconds), ...input } as VideoRequest;
    let video = await this.openai.videos.create(sent);
    await until(async () => {
      video = await this.openai.videos.retrieve(video.id);
      return video.status === 'completed' || video.status === 'failed';
    }, ENDED_WITHIN_MS);
    const content = await this.openai.videos.downloadContent(video.id);
    const bytes = new Uint8Array(await content.arrayBuffer());
    return { prompt, files: [{ type: content.headers.get('content-type'), bytes }] };
  }

  /** A job at every change, to its end. */
  private async *eventsOf(id: string): AsyncGenerator<JobView> {
    const signal = AbortSignal.timeout(ENDED_WITHIN_MS);
    const response = await fetch(`${this.service.url}/api/v1/jobs/${id}/events`, { signal });
    if (response.body === null) throw new Error(`the events of ${id} answered ${response.status}`);
    for await (const { data } of response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream()))
      yield JSON.parse(data) as JobView;
  }

  private async cancelOnceRunning(id: string, task: () => Task | undefined): Promise<void> {
    await until(() => (task()?.looks ?? 0) > 1, ENDED_WITHIN_MS);
    await fetch(`${this.service.url}/api/v1/jobs/${id}`, { method: 'DELETE' });
  }

  /** The bytes of a file, from wherever its URL leads. */
  async file(url: string): Promise<MediaFile> {
    const response = await fetch(new URL(url, this.service.url));
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
    return {
      type: response.headers.get('content-type'),
      bytes: new Uint8Array(await response.arrayBuffer()),
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.standIns.values()].map((standIn) => standIn.close()));
    this.service.app.getHttpServer().closeAllConnections();
    await this.service.stop();
  }

  private async registerAll(played: PlayedPreset): Promise<void> {
    this.standIns.set(played.name, await StandIn.start(played.vendor, played.name));
    await this.register(played, played.model, QUICK_POLL);
    await this.register(played, forLost(played.model), SHORT_POLL);
  }

  /** A registration of three or four fields, and of what makes it quick here. */
  private async register({ name, preset }: PlayedPreset, model: string, poll: object): Promise<void> {
    const standIn = this.standIn(name);
    const { baseUrl, apiKey, example } = preset;
    const { status, text } = await this.service.register({
      preset: name,
      model_name: model,
      base_url: standIn.url + new URL(baseUrl ?? example.base_url ?? '').pathname.replace(/\/$/, ''),
      ...(apiKey === 'none' ? {} : { api_key: standIn.key }),
      ...(example.upstream_model === undefined ? {} : { upstream_model: upstreamModel(name, example) }),
      max_concurrency: 64,
      poll: {
        ...poll,
        // A delivery network has a public address; this one has not, and must be named.
        origins: [standIn.files, standIn.region],
      },
    });
    if (status !== 200) throw new Error(`${name} was not registered: ${text}`);
  }
}

/** Each task has a prompt of its own, by which its stand-in finds it. */
const promptOf = (weather: Weather): string =>
  `a cat, "sitting" [${weather}] ${Math.random().toString(36).slice(2)}`;

const pictureFile = () =>
  OpenAI.toFile(Buffer.from(IMAGE_BASE64, 'base64'), 'first.png', { type: 'image/png' });

/** The model whose tasks get lost soon. */
const forLost = (model: string): string => `${model}/brief`;

/** fal's stand-in has one model. */
function upstreamModel(name: string, { upstream_model: model }: Preset['example']): string {
  return name === 'fal' ? 'black-forest-labs/flux/schnell' : (model ?? '');
}
