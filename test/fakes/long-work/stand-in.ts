import { Ajv, type ValidateFunction } from 'ajv';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { bytesOf, fieldsOf, jsonOf, listening, patternOf, send } from './http.js';
import { filmReply, pictureReply } from './media.js';
import { BAD_LOOKS, type Origins, Task, weatherOf } from './task.js';
import type { Call, Json, Received, Reply, SubmitCall, TaskCall, Vendor } from './vendor.js';

const ajv = new Ajv({ allErrors: true });

/** Looks that fail before a task in rough weather is shown. */
const ROUGH: readonly Reply[] = [
  { status: 429, body: { detail: 'slow down' }, headers: { 'retry-after': '1' } },
  { status: 500, body: '<html><h1>Oops</h1></html>', headers: { 'content-type': 'text/html' } },
  { status: 200, body: '{"status": "succ', headers: { 'content-type': 'application/json' } },
];

interface Endpoint {
  readonly call: Call;
  readonly method: string;
  readonly path: RegExp;
  readonly isValid: ValidateFunction | null;
}

/**
 * Serves a vendor over HTTP on three origins of 127.0.0.1: its API, another region, and a content delivery network. It calls no
 * model: pictures are drawn (picture.ts), films are empty (mp4.ts).
 */
export class StandIn {
  readonly key: string;
  readonly tasks = new Map<string, Task>();
  readonly requests: Received[] = [];
  /** Submits that were taken, by prompt. */
  readonly submits = new Map<string, number>();
  /** Submits that were refused as busy, by prompt. */
  readonly turnedAway = new Map<string, number>();
  /** Calls that the documents do not describe or that the vendor refuses, but for the prompts that provoke it. */
  readonly faults: string[] = [];
  /** Credentials that reached the content delivery network. */
  readonly leaks: string[] = [];
  readonly #endpoints: readonly Endpoint[];
  readonly #servers: readonly Server[];
  #origins: Origins = { api: '', region: '', files: '' };

  private constructor(
    readonly vendor: Vendor,
    name: string,
  ) {
    this.key = `key-of-${name}`;
    this.#endpoints = vendor.calls.map((call) => {
      const [method = '', path = ''] = call.at.split(' ');
      const isValid = call.does === 'submit' ? ajv.compile(call.body) : null;
      return { call, method, path: patternOf(path), isValid };
    });
    this.#servers = [
      createServer((message, response) => void this.#serve(message, response, false)),
      createServer((message, response) => void this.#serve(message, response, true)),
      createServer((message, response) => this.#serveFile(message, response)),
    ];
  }

  /** @param ports of API, region and files; 0 takes any free one */
  static async start(vendor: Vendor, name: string, ports: readonly number[] = []): Promise<StandIn> {
    const standIn = new StandIn(vendor, name);
    const [api = '', region = '', files = ''] = await Promise.all(
      standIn.#servers.map((server, i) => listening(server, ports[i] ?? 0)),
    );
    standIn.#origins = { api, region, files };
    return standIn;
  }

  /** The origin of the API, without a slash at its end. */
  get url(): string {
    return this.#origins.api;
  }

  get region(): string {
    return this.#origins.region;
  }

  get files(): string {
    return this.#origins.files;
  }

  /** How often a task with this text in its prompt was taken. */
  submitsOf(words: string): number {
    return [...this.submits].reduce((sum, [prompt, n]) => sum + (prompt.includes(words) ? n : 0), 0);
  }

  taskOf(words: string): Task | undefined {
    return [...this.tasks.values()].find(({ prompt }) => prompt.includes(words));
  }

  async close(): Promise<void> {
    const closed = this.#servers.map((server) => once(server, 'close'));
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all(closed);
  }

  async #serve(message: IncomingMessage, response: ServerResponse, isRegion: boolean): Promise<void> {
    const url = new URL(message.url ?? '/', 'http://stand-in');
    try {
      const bytes = await bytesOf(message);
      const page = this.vendor.pages?.[url.pathname];
      if (page !== undefined && message.method === 'GET') return send(response, page);
      const found = this.#find(message.method ?? '', url.pathname, isRegion);
      if (found === null) {
        // Health checks look for more paths than the vendor has.
        if (message.method !== 'GET' || isRegion)
          this.faults.push(`unknown ${message.method} ${url.pathname}`);
        return send(response, { status: 404, body: { error: 'no such path' } });
      }
      const { endpoint, params } = found;
      const { method, headers } = message;
      const request = { method: method ?? '', path: url.pathname, params, query: url.searchParams, headers };
      const isForm = endpoint.call.does === 'submit' && endpoint.call.isMultipart === true;
      const body = isForm ? await fieldsOf(bytes, message) : jsonOf(bytes);
      const reply = this.#answer(endpoint, { ...request, body: body ?? {} }, body !== null);
      if (reply === 'cut') message.socket.destroy();
      else send(response, reply);
    } catch (error) {
      this.faults.push(`${message.method} ${url.pathname}: ${String(error)}`);
      send(response, { status: 500, body: String(error) });
    }
  }

  #find(method: string, path: string, isRegion: boolean) {
    for (const endpoint of this.#endpoints) {
      if (endpoint.method !== method || 'isRegional' in endpoint.call !== isRegion) continue;
      const match = endpoint.path.exec(path);
      if (match === null) continue;
      const params = Object.entries(match.groups ?? {}).map(([k, v]) => [k, decodeURIComponent(v)] as const);
      return { endpoint, params: Object.fromEntries(params) };
    }
    return null;
  }

  #answer(endpoint: Endpoint, request: Received, isReadable: boolean): Reply | 'cut' {
    this.requests.push(request);
    const { replies } = this.vendor;
    const refuse = (reply: Reply, why: string): Reply => {
      this.faults.push(`${request.method} ${request.path}: ${why}`);
      return reply;
    };
    if (!this.vendor.accepts(request.headers, this.key)) return refuse(replies.unauthorized, 'credentials');
    for (const [name, value] of Object.entries(endpoint.call.headers ?? {}))
      if (request.headers[name] !== value) {
        return refuse(replies.invalid(`the header ${name} must be ${value}`), `header ${name}`);
      }
    if (!isReadable) return refuse(replies.invalid('the body cannot be read'), 'unreadable body');
    if (endpoint.call.does !== 'submit') return this.#step(endpoint.call, request);
    const { isValid } = endpoint;
    if (isValid !== null && !isValid(request.body)) {
      const problem = ajv.errorsText(isValid.errors, { dataVar: 'body' });
      return refuse(replies.invalid(problem), problem);
    }
    const refusal = endpoint.call.check?.(request.body) ?? null;
    if (refusal !== null) return refuse(refusal, JSON.stringify(refusal.body));
    return this.#submit(endpoint.call, request.body);
  }

  #submit(call: SubmitCall, body: Json): Reply | 'cut' {
    const { replies } = this.vendor;
    const prompt = call.prompt(body);
    const weather = weatherOf(prompt);
    if (weather === 'refused') return replies.banned;
    if (weather === 'busy' && replies.busy !== null && !this.turnedAway.has(prompt)) {
      this.turnedAway.set(prompt, 1);
      return replies.busy;
    }
    const size = call.size?.(body) ?? { width: 256, height: 144, n: 1 };
    const task = new Task(call.id?.(body) ?? randomUUID(), prompt, weather, body, this.#origins, size);
    this.submits.set(prompt, (this.submits.get(prompt) ?? 0) + 1);
    if (weather !== 'lost') this.tasks.set(task.id, task);
    return weather === 'cut' ? 'cut' : call.answer(task);
  }

  #step(call: TaskCall, request: Received): Reply {
    const task = this.tasks.get((call.id ? call.id(request) : request.params['id']) ?? '');
    if (task === undefined) return this.vendor.replies.unknown;
    if (call.does === 'cancel') {
      task.isCancelled = true;
      return call.answer(task, task.phase, request);
    }
    const isRough = task.weather === 'rough';
    if (call.does === 'fetch') {
      task.fetches += 1;
      if (isRough && task.fetches === 1) return { status: 503, body: '' };
      return call.answer(task, task.phase, request);
    }
    task.looks += 1;
    const isBad = task.looks <= (BAD_LOOKS[task.weather] ?? 0);
    if (isBad) return isRough ? (ROUGH[task.looks - 1] as Reply) : this.vendor.replies.unknown;
    return call.answer(task, task.phase, request);
  }

  #serveFile(message: IncomingMessage, response: ServerResponse): void {
    const { pathname, search } = new URL(message.url ?? '/', 'http://files');
    const seen = JSON.stringify(message.headers) + search;
    const hasCredentials = Object.keys(message.headers).some((name) => /key|auth|secret|cookie/.test(name));
    if (hasCredentials || seen.includes(this.key)) this.leaks.push(`${pathname} ${seen}`);
    const [, id = '', extension = ''] = /^\/(.+)-\d+\.(png|mp4)$/.exec(pathname) ?? [];
    const task = this.tasks.get(decodeURIComponent(id));
    if (task === undefined) return send(response, { status: 404, body: 'no such file' });
    send(response, extension === 'png' ? pictureReply(task) : filmReply());
  }
}
