import helmet from 'helmet';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AdminPortError, UnauthorizedError } from './access/access-errors.js';
import { AdmissionCheck } from './access/admission-check.js';
import { allowOrigins } from './access/cross-origin.js';
import { KeySync } from './access/keys/key-sync.js';
import { LimitExchange } from './access/limits/limit-exchange.js';
import { Limiter } from './access/limits/limiter.js';
import { isForClients, type Right, rightOf } from './access/roles.js';
import { isOnAdminPort } from './server/admin-server.js';
import { AppModule } from './app.module.js';
import type { Settings } from './config/settings.js';
import { serveConsole } from './console/console.js';
import type { DatabaseAddresses } from './database/data-source.js';
import { ReplicaIdentity } from './database/replica-identity.js';
import { ErrorFilter, rememberRoutes } from './errors/error-filter.js';
import { answerMalformedRequest } from './errors/unread-requests.js';
import { exposeFigures } from './figures.js';
import { limitHeldBodies } from './server/held-bodies.js';
import { HttpAdapter } from './server/http-adapter.js';
import { Readiness } from './health/readiness.js';
import { isOpenAiPath, bypassNest } from './inference/hot-routes.js';
import { showExplanation } from './inference/pipeline/explanation.js';
import { InputPipe } from './input/input-pipe.js';
import { acceptJsonOnly } from './input/json-body.js';
import { serveOpenApi } from './openapi/document.js';
import { Traffic } from './overview/traffic.js';
import { Replicas } from './replicas/replicas.js';
import { limitStalledWrites } from './server/server-connections.js';
import { type Logger, nestLogger } from './telemetry/logger.js';
import { Metrics } from './telemetry/metrics.js';
import { RequestLog } from './telemetry/request-log.js';
import { MemoryBudget } from './upstream/memory-budget.js';
import { UsageRecorder } from './usage/usage-recorder.js';

/** The application as main.ts and the tests use it: everything except the port. */
export async function createApp(
  settings: Settings,
  addresses: DatabaseAddresses,
  logger: Logger,
  identity = new ReplicaIdentity(),
): Promise<NestFastifyApplication> {
  const errors = new ErrorFilter();
  const adapter = new HttpAdapter({
    bodyLimit: settings.server.maxBodyBytes,
    clientErrorHandler: answerMalformedRequest,
    // Before any hook runs: a path that cannot be decoded.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      log.begin(request, reply);
      errors.answer(error, request, reply.header('x-request-id', request.id));
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(settings, addresses, identity),
    adapter,
    {
      logger: nestLogger(logger),
      abortOnError: false,
      bodyParser: false,
    },
  );
  const server = adapter.getInstance();
  const budget = app.get(MemoryBudget);
  server.decorate('memoryBudget', budget);
  server.decorate('answerError', errors.answer.bind(errors));
  server.decorate('streamHeartbeatMs', settings.inference.streamHeartbeatMs);
  limitStalledWrites(server.server, settings.inference.requestTimeoutMs);
  rememberRoutes(server);
  requireRights(server);
  bypassNest(server, app);
  const usage = app.get(UsageRecorder);
  const limiter = app.get(Limiter);
  const traffic = app.get(Traffic);
  usage.onUsed((used) => limiter.spent(used));
  errors.describe = (request, reply) => {
    limiter.showLeft(request, reply);
    showExplanation(reply);
  };
  server.decorateRequest('charges');
  server.decorateRequest('held', null);
  server.decorateRequest('showsLimits', false);
  shareLimits(app);
  const log = new RequestLog(
    logger,
    app.get(Metrics),
    (request) => {
      limiter.ended(request, usage.ended(request));
      traffic.ended(request.facts);
    },
    (request) => limiter.left(request),
  );
  log.follow(server);
  await allowOrigins(server, settings.access.corsOrigins);
  admit(app, settings.server.adminPort !== null);
  limitHeldBodies(server, budget, settings.server.maxBodyBytes);
  acceptJsonOnly(server, isOpenAiPath);
  protectPages(server);
  app.useGlobalPipes(new InputPipe());
  app.useGlobalFilters(errors);
  serveOpenApi(app);
  serveConsole(server);
  exposeFigures(app);
  return app;
}

/** Pages get helmet's headers; an API response only needs `nosniff`. Call before routes are made. */
function protectPages(server: FastifyInstance): void {
  const protect = helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  server.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/docs')) return;
    route.onRequest = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      protect(request.raw, reply.raw, () => done());
    };
  });
}

/** Of a limit, this replica uses its part. */
function shareLimits(app: NestFastifyApplication): void {
  const exchange = app.get(LimitExchange);
  const replicas = app.get(Replicas);
  replicas.onChange(() => exchange.setReplicas(replicas.count));
}

/**
 * Rejects unauthorised requests before reading the body.
 * @param hasAdminPort whether routes that are not for clients are served there only
 */
function admit(app: NestFastifyApplication, hasAdminPort: boolean): void {
  const check = app.get(AdmissionCheck);
  const keys = app.get(KeySync);
  const readiness = app.get(Readiness);
  const server = app.getHttpAdapter().getInstance();
  server.decorateRequest('caller');
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    // So that a kept-alive client goes to another replica with its next request.
    if (readiness.state() === 'draining') reply.header('connection', 'close');
    const { right, forClients = true } = request.routeOptions.config;
    if (hasAdminPort && !forClients && !isOnAdminPort(request.raw)) return done(new AdminPortError());
    const authenticate = (isLast: boolean): void => {
      try {
        request.caller = check.admit(request, right);
      } catch (error) {
        if (isLast || !(error instanceof UnauthorizedError)) return done(asError(error));
        const { unknownHashes, verify } = error;
        if (verify !== null) verify().then(() => authenticate(true), done);
        // Another replica may have made the key a moment ago.
        else if (unknownHashes.length > 0) void keys.lookUp(unknownHashes).then(() => authenticate(true));
        else done(error);
        return;
      }
      done();
    };
    authenticate(false);
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Gives every route what it needs of a caller's role. Call before routes are made. @throws Error for a route that has no entry */
function requireRights(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { config = {}, method, url } = route;
    const rights = [method].flat().map((each) => rightOf(each, url));
    const [right] = rights;
    if (right === undefined || rights.some((each) => each !== right))
      throw new Error(`${String(method)} ${url} has no entry in ROUTES of access/roles.ts`);
    route.config = { ...config, right, forClients: [method].flat().every((each) => isForClients(each, url)) };
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    right?: Right;
    /** Left out: there is no such path. */
    forClients?: boolean;
  }
}
