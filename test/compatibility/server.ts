import type { ServerResponse } from 'node:http';
import { type FakeUpstream, json, type SeenRequest, startFakeUpstream } from '../fakes/fake-upstream.js';
import { type Fields, objectsIn, PROMPTS, REFUSAL, replyTo, USAGE } from './model.js';
import type { Row } from './rows.js';
import type { Event, Wire } from './wires/wire.js';

/** The server of a kind of worker. It hangs in the middle of a slow stream. */
export function startServer({ wires }: Row): Promise<FakeUpstream> {
  return startFakeUpstream((response, request) => {
    if (request.method === 'GET') return json({ data: [] })(response, request);
    const body = JSON.parse(request.body) as Fields;
    const path = request.url.split('?', 1).join();
    const wire = Object.entries(wires).find(([end]) =>
      end === ':' ? path.includes(':gen') || path.includes(':stream') : path.endsWith(end),
    )?.[1];
    if (wire !== undefined) return answer(wire, body, response, request);
    const other = otherAnswer(path, body);
    json(...other)(response, request);
  });
}

function answer(wire: Wire, body: Fields, response: ServerResponse, request: SeenRequest): void {
  const fault = request.body.includes(PROMPTS.fail) ? REFUSAL : (wire.fault?.(body, request.url) ?? null);
  if (fault !== null) return json(wire.error(fault), 400)(response, request);
  const reply = replyTo({ body: request.body, ...wire.received(body) });
  if (!wire.isStream(body, request.url)) return json(wire.whole(reply))(response, request);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const events = wire.stream(reply);
  if (!request.body.includes(PROMPTS.slow)) return void response.end(events.map(written).join(''));
  response.write(events.slice(0, -1).map(written).join(''));
}

function written({ name, data }: Event): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${text}\n\n`;
}

const VECTOR = [0.25, -1, 0.5];
const refused = { error: { message: REFUSAL, type: 'invalid_request_error', code: null, param: null } };

/** Embeddings and images, of each API. */
function otherAnswer(path: string, body: Fields): [unknown, number?] {
  if (JSON.stringify(body).includes(PROMPTS.fail)) return [refused, 400];
  const usage = { prompt_tokens: USAGE.input, total_tokens: USAGE.input };
  if (path.endsWith('/embeddings'))
    return [
      { object: 'list', data: [{ object: 'embedding', index: 0, embedding: VECTOR }], model: 'm', usage },
    ];
  if (path.endsWith(':batchEmbedContents'))
    return [
      {
        embeddings: objectsIn(body['requests']).map(() => ({ values: VECTOR })),
        usageMetadata: { promptTokenCount: USAGE.input },
      },
    ];
  if (path.endsWith(':predict'))
    return [{ predictions: [{ embeddings: { values: VECTOR, statistics: { token_count: USAGE.input } } }] }];
  if (path.endsWith('/embed')) return [{ vectors: [VECTOR], in: USAGE.input, out: 0 }];
  if (path.endsWith('/draw')) return [{ url: 'https://images.test/a.png' }];
  if (path.endsWith('/images/generations'))
    return [{ created: 1, data: [{ url: 'https://images.test/a.png' }] }];
  return [{ error: { message: `no such path: ${path}`, type: 'not_found', code: null, param: null } }, 404];
}
