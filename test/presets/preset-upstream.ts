import type { ServerResponse } from 'node:http';
import type { SeenRequest } from '../fakes/fake-upstream.js';
import type { PresetFixture } from '../fixtures/presets/fixture.js';

/** Prompts that select the answer of the upstream. */
export const PLAY = {
  answer: 'Say hello.',
  error: 'Play the error.',
  failure: 'Play the failure.',
  broken: 'Play the stream that breaks.',
} as const;

export interface Expected {
  readonly key: string;
  /** The name of the model at the upstream; `null`: it has only one. */
  readonly model: string | null;
}

type Json = Readonly<Record<string, unknown>>;

/** Serves a fixture over HTTP, and records requests that differ from its documentation. */
export class PresetUpstream {
  readonly faults: string[] = [];
  /** Paths of GET requests, which are probes. */
  readonly probed = new Set<string>();

  constructor(
    private readonly fixture: PresetFixture,
    private readonly expected: Expected,
  ) {}

  /** The bytes on the wire, in a format that the service does not produce. */
  get answerBytes(): string {
    return JSON.stringify(this.fixture.answer, null, 3);
  }

  get streamBytes(): string {
    return written(this.fixture.stream?.events ?? []);
  }

  readonly behave = (response: ServerResponse, request: SeenRequest): void => {
    if (request.method === 'GET') {
      this.probed.add(request.url);
      return respond(response, 200, '{}');
    }
    const body = JSON.parse(request.body) as Json;
    const isStream = body['stream'] === true || request.url.includes('alt=sse');
    this.faults.push(...this.faultsOf(request, body, isStream));
    const { error, failure, stream } = this.fixture;
    const isPrompt = (prompt: string): boolean => request.body.includes(prompt);
    if (isPrompt(PLAY.error) && error !== undefined)
      return respond(response, error.status, JSON.stringify(error.body, null, 3));
    if (isPrompt(PLAY.failure)) return respond(response, 200, JSON.stringify(failure));
    if (!isStream) return respond(response, 200, this.answerBytes);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const broken = isPrompt(PLAY.broken) ? stream?.broken : undefined;
    for (const event of (broken ?? stream)?.events ?? []) response.write(written([event]));
    response.end();
  };

  private faultsOf({ method, url, headers }: SeenRequest, body: Json, isStream: boolean): readonly string[] {
    const { fixture, expected } = this;
    const path = pathOf(fixture.endpoint, expected.model, isStream);
    const auth = Object.entries(fixture.headers).map(([name, value]) => ({
      name,
      value: value.replace('{KEY}', expected.key),
    }));
    const text = JSON.stringify(body);
    const isSpoken = Object.values(PLAY).some((prompt) => text.includes(prompt));
    return [
      ...(method === 'POST' ? [] : [`by ${method}`]),
      ...(url === path ? [] : [`at ${url} instead of ${path}`]),
      ...auth.flatMap(({ name, value }) =>
        headers[name] === value || isVersion(name, headers[name])
          ? []
          : [`with ${name}: ${String(headers[name])} instead of ${value}`],
      ),
      ...(headers['authorization'] === undefined || 'authorization' in fixture.headers
        ? []
        : ['with an authorization that it does not use']),
      ...fixture.requires.flatMap((field) => ((body[field] ?? null) === null ? [`without ${field}`] : [])),
      ...(expected.model === null || !('model' in body) || body['model'] === expected.model
        ? []
        : [`for the model ${String(body['model'])}`]),
      ...(isSpoken ? [] : ['without the prompt']),
      ...(isStream && fixture.stream === undefined ? ['for a stream, which it does not support'] : []),
    ];
  }
}

/** Gemini has the model in the path, and another method for streams. */
function pathOf(endpoint: string, model: string | null, isStream: boolean): string {
  const { pathname } = new URL(endpoint);
  const [, before] = /^(.*\/models\/)[^/]+:generateContent$/.exec(pathname) ?? [];
  if (before === undefined || model === null) return pathname;
  return `${before}${model}:${isStream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`;
}

function written(events: readonly string[]): string {
  return events.map((event) => `${event}\n\n`).join('');
}

function respond(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

/** Clients of Anthropic's API send the version themselves. */
function isVersion(name: string, value: unknown): boolean {
  return name === 'anthropic-version' && typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value);
}
