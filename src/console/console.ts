import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NotFoundException } from '@nestjs/common';

/** Beside `dist/src`, where the build puts it. */
const FOLDER = join(import.meta.dirname, '../../console');
const PREFIX = '/console/';
const NOT_BUILT =
  'the console is not built here: run `npm run build`, which makes dist/console, then start again';

/** No script but the console's own files, nothing from another origin, and text never becomes markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/**
 * Serves the console, whose every path is its one page: `/console/workers/…` is a link that works. The files hold no secret
 * and need no key; the API calls of the page do.
 */
export function serveConsole(server: FastifyInstance, folder = FOLDER): void {
  server.get('/', (request, reply) => {
    if (acceptsHtml(request)) return reply.redirect(PREFIX, 302);
    throw new NotFoundException();
  });
  server.get('/console', (_request, reply) => reply.redirect(PREFIX, 302));
  const files = filesIn(folder);
  void server.register(async (scope) => {
    await scope.register(fastifyStatic, { root: folder, serve: false, preCompressed: true });
    scope.get(`${PREFIX}*`, (request, reply) => {
      if (files.size === 0) return notFound(reply, NOT_BUILT);
      const { '*': path = '' } = request.params as { '*'?: string };
      return sendFile(files, path, request.url.includes('?'), reply);
    });
  });
}

function sendFile(
  files: ReadonlySet<string>,
  path: string,
  hasQuery: boolean,
  reply: FastifyReply,
): FastifyReply {
  reply.header('content-security-policy', POLICY).header('referrer-policy', 'same-origin');
  if (files.has(path)) return reply.sendFile(path, { maxAge: '365d', immutable: true });
  // A page of an earlier build requests files that are gone; index.html would be no answer.
  if (path.startsWith('assets/'))
    return notFound(
      reply,
      'this file is of another build: load the page again, and start the service again if it was built while it runs',
    );
  // The list of workers as nothing has filtered it is requested by the page itself.
  const page = !hasQuery && ['', 'workers'].includes(path) ? 'workers.html' : 'index.html';
  return reply.header('cache-control', 'no-cache').sendFile(page, { cacheControl: false });
}

function notFound(reply: FastifyReply, why: string): FastifyReply {
  return reply.code(404).type('text/plain; charset=utf-8').send(`${why}\n`);
}

/** Files with a hash in their names. Read once: nothing else is served, whatever the path. */
function filesIn(folder: string): ReadonlySet<string> {
  // A build that was cut short has one without the other.
  if (!['index.html', 'workers.html', 'assets'].every((name) => existsSync(join(folder, name))))
    return new Set();
  const assets = readdirSync(join(folder, 'assets')).map((name) => `assets/${name}`);
  return new Set(assets.filter((name) => !/\.(gz|br)$/.test(name)));
}

function acceptsHtml({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true;
}
