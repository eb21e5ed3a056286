import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { setTimeout as sleep } from 'node:timers/promises';
import { AdminServer } from './server/admin-server.js';
import { createApp } from './app.setup.js';
import type { Settings } from './config/settings.js';
import { DatabaseConnection } from './database/database-connection.js';
import type { DatabaseServer } from './database/database-server.js';
import type { ReplicaIdentity } from './database/replica-identity.js';
import { Readiness } from './health/readiness.js';
import { ListenError } from './server/listen-error.js';
import { MetricsServer } from './server/metrics-server.js';
import { ChangeStreams } from './overview/change-streams.js';
import { OwnAddress } from './registry/registration/own-address.js';
import { ReplicaHeartbeat } from './replicas/replica-heartbeat.js';
import { leaveParent, mayGreet } from './processes.js';
import { RunningRequests } from './server/server-connections.js';
import type { Log } from './telemetry/logger.js';
import { UpstreamClient } from './upstream/upstream-client.js';
import { collectStartGarbage } from './start-garbage.js';
import { greet } from './welcome.js';

/** The start waits for no database; so long only if it hangs. */
const LONGEST_START_MS = 15_000;
/** Time for the steps after draining, such as releasing leases in a database that does not answer. */
const LAST_RESORT_MS = 15_000;

/** Serves until `stopRequested` resolves, which may be before the start. Stops the database at the end. */
export async function serve(
  settings: Settings,
  database: DatabaseServer,
  log: Log,
  identity: ReplicaIdentity,
  stopRequested: Promise<string>,
): Promise<void> {
  const app = await createApp(settings, database.addresses, log.logger, identity).catch(
    async (error: unknown) => {
      await database.stop();
      throw error;
    },
  );
  const running = new RunningRequests(app.getHttpServer());
  let metrics: MetricsServer | null = null;
  let admin: AdminServer | null = null;

  const listening = app.listen(settings.server.port, settings.server.host);
  const stop = once(async (why: string) => {
    log.logger.info(`stopping: ${why}`);
    try {
      // What is closed while it starts to listen may listen all the same, or never end.
      await Promise.race([listening.catch(() => {}), sleep(LONGEST_START_MS, undefined, { ref: false })]);
      await drainAndClose(app, running, admin, settings);
    } finally {
      metrics?.close();
      await database.stop();
      log.logger.info('stopped');
      log.flush();
      leaveParent();
    }
  });
  collectStartGarbage();
  let isStopping = false;
  void stopRequested.then((signal) => {
    isStopping = true;
    return stop(signal);
  });
  void database.lost.then((reason) => {
    process.exitCode = 1;
    return stop(reason);
  });

  const { host, metricsPort, adminPort } = settings.server;
  try {
    await listening;
    if (adminPort !== null)
      admin = await AdminServer.listen(app, host, adminPort, settings.inference.requestTimeoutMs);
    if (metricsPort !== null) metrics = await MetricsServer.listen(app, host, metricsPort);
  } catch (error) {
    await stop('it cannot listen');
    if (isStopping) return;
    throw error instanceof ListenError ? error : new ListenError(host, settings.server.port, error);
  }
  const address = app.getHttpServer().address();
  const port = typeof address === 'object' && address !== null ? address.port : settings.server.port;
  app.get(OwnAddress).listeningOn(port);
  log.logger.info(`listening on ${host}:${port}`);
  if (admin !== null) log.logger.info(`management on ${host}:${admin.port}`);
  if (metrics !== null) log.logger.info(`metrics without a key on ${host}:${metrics.port}`);
  if (!mayGreet()) return;
  app
    .get(DatabaseConnection)
    .onConnected(() => greet(log.logger, settings, port, admin?.port ?? port, database.folder));
}

/**
 * New traffic goes elsewhere (`/readyz` 503, `Connection: close`), then new connections are refused, then running requests
 * may finish within `DRAIN_TIMEOUT_MS`, including calls without a client (`on_disconnect: finish`).
 */
async function drainAndClose(
  app: NestFastifyApplication,
  running: RunningRequests,
  admin: AdminServer | null,
  { server }: Settings,
): Promise<void> {
  app.get(Readiness).drain();
  running.closeAfterResponse();
  await sleep(server.shutdownDelayMs);
  app.get(ReplicaHeartbeat).drain();
  app.get(ChangeStreams).end();
  const stopClosing = running.closeWhatIsIdle();
  const cut = setTimeout(() => {
    app.getHttpServer().closeAllConnections();
    app.get(UpstreamClient).abort();
  }, server.drainTimeoutMs);
  setTimeout(() => process.exit(1), server.drainTimeoutMs + LAST_RESORT_MS).unref();
  try {
    // Its requests need what the application closes.
    await admin?.close();
    await app.close();
  } finally {
    stopClosing();
    clearTimeout(cut);
  }
}

function once(act: (why: string) => Promise<void>): (why: string) => Promise<void> {
  let running: Promise<void> | null = null;
  return (why) => (running ??= act(why));
}
