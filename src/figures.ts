import type { INestApplicationContext } from '@nestjs/common';
import { ModelPools } from './balancing/model-pools.js';
import { DatabaseSettings } from './config/settings.js';
import { VERSION } from './config/version.js';
import { Database } from './database/database.js';
import { Notifications } from './database/notifications.js';
import { Readiness, stateOf } from './health/readiness.js';
import { LiveWorkers } from './registry/live/live-workers.js';
import { WorkerActivity } from './registry/live/worker-activity.js';
import { ModelPolicies } from './registry/models/model-policies.js';
import { isCallable } from './registry/worker.js';
import { Replicas } from './replicas/replicas.js';
import { SettingsDrift } from './replicas/settings-drift.js';
import type { Readings } from './telemetry/families.js';
import { Metrics } from './telemetry/metrics.js';
import { MemoryBudget } from './upstream/memory-budget.js';

/** The gauges that are read from other modules at each scrape. */
export function exposeFigures(app: INestApplicationContext): void {
  const metrics = app.get(Metrics);
  const live = app.get(LiveWorkers);
  const policies = app.get(ModelPolicies);
  metrics.followModels((model) => live.model(model) !== undefined || policies.of(model) !== undefined);
  metrics.gaugeOf('mmm_build_info', 'The release that runs; always 1.', ['version'], () => [
    [{ version: VERSION }, 1],
  ]);
  exposeDatabase(metrics, app);
  exposeReplica(metrics, app);
  exposeModels(metrics, app);
}

function exposeDatabase(metrics: Metrics, app: INestApplicationContext): void {
  const database = app.get(Database);
  const notifications = app.get(Notifications);
  const { poolSize } = app.get(DatabaseSettings);
  metrics.gauge('mmm_database_up', 'Whether the last query succeeded (1) or PostgreSQL was away (0).', () =>
    Number(database.connected),
  );
  metrics.gauge(
    'mmm_database_writable',
    'Whether the last heartbeat of this replica was written (1) or not (0), as on a standby.',
    () => Number(database.writable),
  );
  metrics.gaugeOf(
    'mmm_database_pool',
    'Connections that are in_use or idle, and queries that are waiting for one.',
    ['state'],
    () => {
      const { inUse, idle, waiting } = database.pool;
      return [
        [{ state: 'in_use' }, inUse],
        [{ state: 'idle' }, idle],
        [{ state: 'waiting' }, waiting],
      ];
    },
  );
  metrics.gauge('mmm_database_pool_limit', 'The most connections of the pool.', () => poolSize);
  metrics.gauge(
    'mmm_listen_up',
    'Whether changes made on other replicas are seen at once (1), or only by polling (0).',
    () => Number(notifications.areComing),
  );
}

function exposeReplica(metrics: Metrics, app: INestApplicationContext): void {
  const readiness = app.get(Readiness);
  const replicas = app.get(Replicas);
  const drift = app.get(SettingsDrift);
  const budget = app.get(MemoryBudget);
  metrics.gauge(
    'mmm_registry_age_seconds',
    'Since the registry was last read whole; NaN before.',
    () => readiness.registryAgeS() ?? NaN,
  );
  metrics.gauge(
    'mmm_replicas',
    'Running copies of the service, as this one sees it.',
    () => replicas.liveCount,
  );
  metrics.gauge(
    'mmm_replicas_with_other_settings',
    'Live replicas whose keys or address rules differ from those of this one.',
    () => drift.count,
  );
  metrics.gauge(
    'mmm_held_bytes',
    'Bytes of large requests and answers that are held now.',
    () => budget.heldBytes,
  );
  metrics.gauge(
    'mmm_held_bytes_limit',
    'Held bytes above which a request gets a 503.',
    () => budget.limitBytes,
  );
}

function exposeModels(metrics: Metrics, app: INestApplicationContext): void {
  const pools = app.get(ModelPools);
  const live = app.get(LiveWorkers);
  const activity = app.get(WorkerActivity);
  metrics.gaugeOf(
    'mmm_workers',
    'Workers by model and state: what people want, else what requests show, else what probes show.',
    ['model', 'state'],
    () => workerStates(live, activity),
  );
  metrics.gaugeOf(
    'mmm_usable_workers',
    'Workers of a model that requests may be sent to; 0 where there is none.',
    ['model'],
    () => usableWorkers(live, activity),
  );
  metrics.gaugeOf('mmm_requests_in_flight', 'Requests that run on workers of the model.', ['model'], () =>
    pools.loads().map(({ model, inFlight }) => [{ model }, inFlight]),
  );
  metrics.gaugeOf(
    'mmm_slots',
    'Requests that workers of the model may run (cap, of all replicas), and what this replica may use (held), uses (in_flight) and needs (wanted).',
    ['model', 'kind'],
    () =>
      pools.loads().flatMap(({ model, cap, held, inFlight, queued }): Reading<'model' | 'kind'>[] => [
        [{ model, kind: 'cap' }, cap],
        [{ model, kind: 'held' }, held],
        [{ model, kind: 'in_flight' }, inFlight],
        [{ model, kind: 'wanted' }, inFlight + queued],
      ]),
  );
  metrics.gaugeOf(
    'mmm_requests_queued',
    'Requests that wait for a worker of the model, by class; of classes that have waited.',
    ['model', 'priority'],
    () =>
      pools
        .loads()
        .flatMap(({ model, queuedByClass }) =>
          Object.entries(queuedByClass).map(([priority, queued]) => [{ model, priority }, queued] as const),
        ),
  );
  metrics.gaugeOf(
    'mmm_team_requests_queued',
    'Requests that wait for a worker of the model, by team; of teams with requests that wait.',
    ['model', 'team'],
    () =>
      pools
        .loads()
        .flatMap(({ model, queuedByTeam }) =>
          [...queuedByTeam].map(([team, queued]) => [{ model, team }, queued] as const),
        ),
  );
}

function* workerStates(live: LiveWorkers, activity: WorkerActivity): Generator<Reading<'model' | 'state'>> {
  for (const { name, workers } of live.models()) {
    const counts = new Map<string, number>();
    for (const worker of workers) {
      const state = stateOf(worker, activity.of(worker.id).trouble);
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    for (const [state, count] of counts) yield [{ model: name, state }, count];
  }
}

function* usableWorkers(live: LiveWorkers, activity: WorkerActivity): Generator<Reading<'model'>> {
  for (const { name, workers } of live.models()) {
    const usable = workers.filter(
      (worker) => isCallable(worker) && !UNUSABLE.has(stateOf(worker, activity.of(worker.id).trouble)),
    );
    yield [{ model: name }, usable.length];
  }
}

const UNUSABLE: ReadonlySet<string> = new Set(['disabled', 'draining', 'offline', 'unhealthy', 'ejected']);

type Reading<Label extends string> = Readings<Label> extends Iterable<infer One> ? One : never;
