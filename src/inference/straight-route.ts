import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { SeedController } from './seed.controller.js';

const CHAT = '/api/v1/chat/completions';

/**
 * Lets Fastify call the chat's controller itself. Nest would go through guards, interceptors and pipes, of which this
 * route has none, for a tenth of what a request costs. To all else, the API's description too, it stays Nest's route.
 * Call before routes are made.
 */
export function callStraight(server: FastifyInstance, app: INestApplicationContext): void {
  const controller = app.get(SeedController, { strict: false });
  server.addHook('onRoute', (route) => {
    if (route.url === CHAT && route.method === 'POST')
      route.handler = (request, reply) => controller.chat(request, reply);
  });
}
