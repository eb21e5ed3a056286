import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request as send } from 'undici';
import { seededRandom } from '../../../test/seeded-random.js';
import type { Child } from '../../child.js';
import { type RunRecord, REPLICAS, type Sent, type Served } from '../run-once.js';
import type { Scenario } from '../scenarios.js';
import { type Answer, arrive, type Request } from '../traffic.js';
import { RealTime, SPEED } from './real-time.js';
import type { ReplicatedService } from './service.js';
import type { Order } from './workers.js';

/** Until everybody has seen that it begins. */
const COUNTDOWN_MS = 300;
/** Then who still waits has no answer. */
const PATIENCE_MS = 4_000;

/** Plays a scenario with real requests through real replicas to real servers. All times are the play's. */
export async function runOverHttp(
  { setup: play, title: what }: Scenario,
  index: number,
  seed: number,
  service: ReplicatedService,
  workers: Child,
): Promise<RunRecord> {
  const tell = <Told>(order: Order): Promise<Told> => workers.ask<Told>(order);
  const { ports } = await tell<{ ports: readonly number[] }>({ kind: 'listen', play: index });
  for (const port of ports) {
    await service.register({
      model_name: what,
      req_url_template: `http://127.0.0.1:${port}/generate`,
      body: { prompt: '{USER_PROMPT}' },
      response_extract: 'answer',
      ...(play.patienceMs === undefined
        ? {}
        : { timeouts: { first_byte_ms: Math.round(play.patienceMs / SPEED) } }),
    });
  }
  await service.untilHealthy(ports.length);

  const beganMs = Date.now() + COUNTDOWN_MS;
  await tell({ kind: 'begin', atMs: beganMs, seed });
  const time = new RealTime(beganMs);
  const agent = new Agent({ connections: null });
  const served: Served[] = [];
  let arrived = 0;
  const traffic = { perSecond: play.perSecond, untilMs: play.untilMs, replicas: REPLICAS };
  const call = async (request: Request): Promise<void> => {
    const answer = await chat(service.urls[request.replica] ?? '', what, request, agent);
    served.push({ arrivedMs: request.arrivedMs, tookMs: time.passedMs() - request.arrivedMs, answer });
  };
  time.at(0, () =>
    arrive(time, seededRandom(seed), traffic, (request) => {
      arrived += 1;
      void call(request);
    }),
  );
  await sleep(COUNTDOWN_MS + play.untilMs / SPEED);
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (served.length < arrived && performance.now() < deadlineMs) await sleep(20);
  const unanswered = arrived - served.length;

  const verdicts = await verdictsOn(service, what, ports, beganMs);
  await service.database.query('DELETE FROM worker');
  const { sent } = await tell<{ sent: readonly Sent[] }>({ kind: 'end' });
  await service.untilHealthy(0);
  await agent.destroy();
  return { served: [...served], sent, unanswered, verdicts };
}

async function chat(
  url: string,
  model: string,
  { workMs, tokens: units }: Request,
  agent: Agent,
): Promise<Answer> {
  try {
    const { statusCode, body } = await send(`${url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model_name: model, input: `${workMs} ${units}` }),
      dispatcher: agent,
    });
    await body.dump();
    return statusCode === 200 ? 'served' : statusCode === 503 ? 'turned_away' : 'error';
  } catch {
    return 'error';
  }
}

async function verdictsOn(
  service: ReplicatedService,
  model: string,
  ports: readonly number[],
  beganMs: number,
): Promise<RunRecord['verdicts']> {
  const { rows } = await service.database.query<{ at: Date; req_url_template: string; kind: string }>(
    'SELECT at, req_url_template, kind FROM worker_event WHERE model_name = $1 ORDER BY id',
    [model],
  );
  return rows.map(({ at, req_url_template, kind }) => ({
    atMs: (at.getTime() - beganMs) * SPEED,
    worker: ports.indexOf(Number(new URL(req_url_template).port)),
    health: kind,
  }));
}
