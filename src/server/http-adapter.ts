import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { fastify, type FastifyServerOptions } from 'fastify';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const RECEIVE_TIMEOUT_MS = 300_000;
/** A client's own request id is kept if it is safe in a header and a log. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/**
 * Nest's adapter, without what it adds to every request for features that this service does not use: six hooks for CORS,
 * CSRF, security headers, versions of routes and closing, one for a response that has ended, with two listeners of Fastify's,
 * middleware, and a constraint of the router.
 */
export class HttpAdapter extends FastifyAdapter {
  constructor(
    options: Required<Pick<FastifyServerOptions, 'bodyLimit' | 'clientErrorHandler' | 'frameworkErrors'>>,
  ) {
    const server = fastify({
      ...options,
      logger: false,
      // The timeout for receiving a whole request: a client that stalls in the middle is disconnected.
      requestTimeout: RECEIVE_TIMEOUT_MS,
      // Requests already received on kept-alive connections are served while closing; new connections are refused.
      return503OnClosing: false,
      requestIdHeader: false,
      genReqId: requestId,
      routerOptions: { maxParamLength: 1024 },
    });
    const addHook = Object.getOwnPropertyDescriptor(server, 'addHook') ?? {};
    // The constructor adds the hooks.
    server.addHook = () => server;
    super(server);
    Object.defineProperty(server, 'addHook', addHook);
  }

  /** Nest's registers middleware. */
  override init(): Promise<void> {
    return Promise.resolve();
  }
}

function requestId(request: { readonly headers: IncomingMessage['headers'] }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
