import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request as send } from 'undici';
import { seededRandom } from '../../../test/seeded-random.js';
import type { Child } from '../../child.js';
import { type RunRecord, REPLICAS, type Sent, type Served } from '../run-once.js';
import type { Scenario } from '../bars.js';
import { type Answer, arrive, type Request } from '../traffic.js';
import { RealTime, SPEED } from './real-time.js';
import type { ReplicatedService } from './service.js';
import type { Command } from './workers.js';

/** The time until all processes know the start. */
const COUNTDOWN_MS = 300;
/** The time after which a waiting request counts as unanswered. */
const PATIENCE_MS = 4_000;

/** Runs a scenario with real requests through real replicas to real servers. All times are the scenario's. */
export async function runOverHttp(
  { setup, title }: Scenario,
  index: number,
  seed: number,
  service: ReplicatedService,
  workers: Child,
): Promise<RunRecord> {
  const sendCommand = <Reply>(command: Command): Promise<Reply> => workers.request<Reply>(command);
  const { ports } = await sendCommand<{ ports: readonly number[] }>({ kind: 'listen', scenario: index });
  for (const port of ports) {
    await service.register({
      model_name: title,
      req_url_template: `http://127.0.0.1:${port}/generate`,
      body: { prompt: '{USER_PROMPT}' },
      response_extract: 'answer',
      ...(setup.patienceMs === undefined
        ? {}
        : { timeouts: { first_byte_ms: Math.round(setup.patienceMs / SPEED) } }),
    });
  }
  await service.untilHealthy(ports.length);

  const beganMs = Date.now() + COUNTDOWN_MS;
  await sendCommand({ kind: 'begin', atMs: beganMs, seed });
  const time = new RealTime(beganMs);
  const agent = new Agent({ connections: null });
  const served: Served[] = [];
  let arrived = 0;
  const traffic = { perSecond: setup.perSecond, untilMs: setup.untilMs, replicas: REPLICAS };
  const call = async (request: Request): Promise<void> => {
    const answer = await chat(service.urls[request.replica] ?? '', title, request, agent);
    served.push({ arrivedMs: request.arrivedMs, tookMs: time.passedMs() - request.arrivedMs, answer });
  };
  time.at(0, () =>
    arrive(time, seededRandom(seed), traffic, (request) => {
      arrived += 1;
      void call(request);
    }),
  );
  await sleep(COUNTDOWN_MS + setup.untilMs / SPEED);
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (served.length < arrived && performance.now() < deadlineMs) await sleep(20);
  const unanswered = arrived - served.length;

  const verdicts = await verdictsOn(service, title, ports, beganMs);
  await service.database.query('DELETE FROM worker');
  const { sent } = await sendCommand<{ sent: readonly Sent[] }>({ kind: 'end' });
  await service.untilHealthy(0);
  await agent.destroy();
  return { served: [...served], sent, unanswered, verdicts, ejections: 0 };
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
    'SELECT at, req_url_template, kind FROM event WHERE subject_name = $1 ORDER BY id',
    [model],
  );
  return rows.map(({ at, req_url_template, kind }) => ({
    atMs: (at.getTime() - beganMs) * SPEED,
    worker: ports.indexOf(Number(new URL(req_url_template).port)),
    health: kind,
  }));
}
