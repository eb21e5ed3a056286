import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { type KeyRow, LiveKeys } from '../../src/access/keys/live-keys.js';
import { LimitExchange } from '../../src/access/limits/limit-exchange.js';
import { LimitTable } from '../../src/access/limits/limit-table.js';
import { Limiter } from '../../src/access/limits/limiter.js';
import { Database } from '../../src/database/database.js';
import type { DatabaseConnection } from '../../src/database/database-connection.js';
import { ReplicaIdentity } from '../../src/database/replica-identity.js';
import type { DatabaseSettings } from '../../src/config/settings.js';

/** What limits cost a replica: memory of 20,000 keys, and time of a request, without the database, which no request waits for. */
const KEYS = 20_000;
const REQUESTS = 50_000;
const SLICES = 7;

/** So that no key of one measurement has the id of another. */
let measured = 0;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const settings: DatabaseSettings = {
  url: null,
  directUrl: null,
  schema: 'public',
  poolSize: 1,
  migrateOnStart: false,
  dataDir: '',
};
const connection = { onConnected: () => undefined } as unknown as DatabaseConnection;
const table = new LimitTable(new Database(new DataSource({ type: 'postgres' })), settings);

console.log(
  `Node ${process.version}, ${KEYS.toLocaleString('en')} keys, one team, CPU time, the best of ${SLICES} slices\n`,
);
console.log('| keys | memory of a key, bytes | once it was used, bytes | a request, ns |');
console.log('|---|--:|--:|--:|');
measure(true, true);
row('without limits', false, false);
row('with limits', true, false);
row('with limits, and those of a team', true, true);
process.exit(0);

function row(title: string, hasLimits: boolean, hasTeam: boolean): void {
  const cells = measure(hasLimits, hasTeam).map((figure) => Math.round(figure).toLocaleString('en'));
  console.log(`| ${title} | ${cells.join(' | ')} |`);
}

function measure(hasLimits: boolean, hasTeam: boolean): readonly number[] {
  measured += 1;
  const empty = heapBytes();
  const live = new LiveKeys();
  live.apply(
    Array.from({ length: KEYS }, (_, index) => keyRow(index, hasLimits, hasTeam)),
    [],
  );
  if (hasTeam) live.applyTeams([{ ...limitsOf(true, 1e9), name: 'team', labels: {} } as never]);
  const known = heapBytes();
  const exchange = new LimitExchange(table, live, new ReplicaIdentity(), connection);
  const limiter = new Limiter(live, exchange);
  const callers = Array.from({ length: KEYS }, (_, index) => live.callerWithId(idOf(index)));
  const before = heapBytes();
  callers.forEach((caller) => request(limiter, { caller }));
  const used = heapBytes();
  let best = Infinity;
  for (let slice = 0; slice < SLICES; slice++) {
    collect();
    const from = process.cpuUsage();
    for (let index = 0; index < REQUESTS; index++)
      request(limiter, { caller: callers[(index * 7919) % KEYS] });
    best = Math.min(best, (cpuMs(from) * 1e6) / REQUESTS);
  }
  // Held until here.
  if (live.find('') !== 'invalid_api_key') throw new Error('there is a key without a hash');
  return [(known - empty) / KEYS, (used - before) / KEYS, best];
}

/** Admission, the end of the response, the correction of the estimate, the budget of the month. */
function request(limiter: Limiter, { caller }: { caller: ReturnType<LiveKeys['callerWithId']> }): void {
  if (caller === undefined) return;
  const http = { caller, url: '/v1/chat/completions' } as unknown as FastifyRequest;
  const headers: Record<string, unknown> = {};
  const reply = {
    raw: { closed: false },
    header: (name: string, value: unknown) => (headers[name] = value),
  } as unknown as FastifyReply;
  limiter.enter(http, reply, () => 1_000);
  limiter.left(http);
  limiter.ended(http, 300);
  limiter.spent({
    keyId: caller.keyId,
    team: caller.team,
    input: 200,
    output: 100,
    cost: null,
    currency: null,
    outcome: 'ok',
  });
}

function cpuMs(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1_000;
}

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function idOf(index: number): string {
  return `00000000-0000-4000-${8_000 + measured}-${String(index).padStart(12, '0')}`;
}

function limitsOf(hasLimits: boolean, size: number) {
  const limit = hasLimits ? String(size) : null;
  return {
    requests_per_minute: limit,
    tokens_per_minute: limit,
    max_concurrent: hasLimits ? size : null,
    tokens_per_month: limit,
    cost_per_month: null,
    cost_currency: null,
  };
}

function keyRow(index: number, hasLimits: boolean, hasTeam: boolean): KeyRow {
  return {
    ...limitsOf(hasLimits, 1e9),
    id: idOf(index),
    name: `key ${measured} ${index}`,
    prefix: 'mmm_12345678',
    hash: Buffer.from(String(index).padStart(32, '0')),
    old_hash: null,
    old_hash_until: null,
    role: 'inference',
    team: hasTeam ? 'team' : null,
    models: null,
    labels: {},
    expires_at: null,
    disabled_at: null,
    disabled_reason: null,
    revoked_at: null,
    version: String(index),
  } as unknown as KeyRow;
}
