import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Priority } from '../config/balancing-settings.js';
import { ForbiddenError } from './access-errors.js';
import type { Limits } from './limits/limits.js';
import type { Role } from './roles.js';

/** The sender of a request, by its key. It is the actor of what the request changes. */
export interface Caller {
  /** `api_key.id`, or the id of a user that signed in elsewhere; `null`: ADMIN_API_KEY, or a client that needs no key. */
  readonly keyId: string | null;
  /** The name of the key or the user, or `root`. */
  readonly name: string;
  readonly via: 'api';
  /** Whether it is a user that signed in elsewhere, and no key. */
  readonly isUser: boolean;
  readonly role: Role;
  /** `null`: no team. */
  readonly team: string | null;
  /** Names of models, or beginnings of names that end with `*`; `null`: every model. */
  readonly models: readonly string[] | null;
  /** Of the key alone, not of its team. */
  readonly limits: Limits | null;
  /** The class of its requests that name none; `null`: the model decides. */
  readonly priority: Priority | null;
  /** The teams for which its requests may be, beside its own; `*`: every team. `null`: none. */
  readonly mayActFor: readonly string[] | null;
  /** The team that this request is for, by its header; `null`: the caller's own. `team` is the one that is charged. */
  readonly actsFor: string | null;
}

/** ADMIN_API_KEY; in protected mode and with AUTH=off also a client without a key. No row of `api_key`. */
export const ROOT: Caller = {
  keyId: null,
  name: 'root',
  via: 'api',
  isUser: false,
  role: 'admin',
  team: null,
  models: null,
  limits: null,
  priority: null,
  mayActFor: ['*'],
  actsFor: null,
};

/** Whether the scope of a caller holds a model, registered or not. */
export function mayCall({ models }: Pick<Caller, 'models'>, model: string): boolean {
  return models === null || models.some((pattern) => matches(pattern, model));
}

function matches(pattern: string, model: string): boolean {
  return pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : pattern === model;
}

/** @throws ForbiddenError for a model outside the scope of the caller, registered or not */
export function checkModel(caller: Pick<Caller, 'models'>, model: string): void {
  if (!mayCall(caller, model)) throw ForbiddenError.model(model);
}

/** The caller of the request, for a parameter of a controller. */
export const CurrentCaller = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().caller,
);

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the route runs; ROOT on paths that are open to all. */
    caller: Caller;
  }
}
