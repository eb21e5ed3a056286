import type { INestApplicationContext } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { COUNT_TOKENS, ENDPOINTS, MESSAGES, OPENAI_BASE } from './apis/endpoints.js';
import { MessagesController } from './apis/anthropic/messages.controller.js';
import { OpenAiController } from './apis/openai/openai.controller.js';
import { NativeController } from './apis/native/native.controller.js';

const CHAT = '/api/v1/chat/completions';
const ANSWERED: ReadonlySet<string> = new Set(Object.keys(ENDPOINTS).map((path) => OPENAI_BASE + path));
const MESSAGES_URLS: ReadonlySet<string> = new Set([`/v1${MESSAGES}`, `/v1${COUNT_TOKENS}`]);

/**
 * Lets Fastify call the controllers of inference itself. Nest would go through guards, interceptors and pipes, of which
 * these routes have none, for a tenth of what a request costs. To all else, the API's description too, they stay Nest's
 * routes. Call before routes are made.
 */
export function bypassNest(server: FastifyInstance, app: INestApplicationContext): void {
  const native = app.get(NativeController, { strict: false });
  const openAi = app.get(OpenAiController, { strict: false });
  const anthropic = app.get(MessagesController, { strict: false });
  server.addHook('onRoute', (route) => {
    if (route.method !== 'POST') return;
    if (route.url === CHAT)
      route.handler = (request: FastifyRequest, reply: FastifyReply) => native.chat(request, reply);
    if (ANSWERED.has(route.url))
      route.handler = (request: FastifyRequest, reply: FastifyReply) => openAi.answer(request, reply);
    if (MESSAGES_URLS.has(route.url))
      route.handler = (request: FastifyRequest, reply: FastifyReply) => anthropic.answer(request, reply);
  });
}

/** Whether the body stays bytes, so that it can be passed through. */
export function isOpenAiPath(url: string): boolean {
  return url.startsWith(`${OPENAI_BASE}/`);
}
