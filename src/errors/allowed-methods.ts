import type { FastifyInstance } from 'fastify';

interface KnownRoute {
  readonly method: string;
  readonly pattern: RegExp;
}

const known = new WeakMap<object, KnownRoute[]>();

/** Call before any route is made. */
export function rememberRoutes(server: FastifyInstance): void {
  const routes: KnownRoute[] = [];
  known.set(server.server, routes);
  server.addHook('onRoute', ({ method, url }) => {
    // Catch-all routes for the assets of pages are not listed.
    if (url.includes('*') && !url.startsWith('/api/')) return;
    const literal = url.replaceAll(/[.]/g, '\\.').replaceAll(/:[^/]+/g, '[^/]+');
    const pattern = new RegExp(`^${literal.replaceAll('*', '.+')}$`);
    for (const one of Array.isArray(method) ? method : [method]) routes.push({ method: one, pattern });
  });
}

/** The methods of this path; none: the path does not exist. */
export function allowedMethods(server: FastifyInstance, path: string): readonly string[] {
  const routes = known.get(server.server) ?? [];
  return [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
}
