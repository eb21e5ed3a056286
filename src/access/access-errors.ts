import { RIGHTS, type Right, type Role } from './roles.js';

/** OpenAI's `error.code` of a 401. */
export type KeyRefusal =
  | 'missing_api_key'
  | 'invalid_api_key'
  | 'expired_api_key'
  | 'disabled_api_key'
  | 'revoked_api_key'
  | 'invalid_sign_in'
  | 'invalid_token'
  | 'expired_token';

const REFUSALS: Readonly<Record<KeyRefusal, string>> = {
  missing_api_key: 'an API key is needed: send it as `Authorization: Bearer …` or `x-api-key: …`',
  invalid_api_key: 'unknown API key: send one that an admin made, or the value of ADMIN_API_KEY',
  expired_api_key: 'this API key has expired: an admin can rotate it or extend expires_at',
  disabled_api_key: 'this API key is disabled: an admin can enable it',
  revoked_api_key: 'this API key is revoked: an admin can make another one',
  invalid_sign_in: 'this sign-in is not valid',
  invalid_token: 'this token is not valid here',
  expired_token: 'this token has expired: fetch another one from its issuer',
};

/** How a browser can sign in: with a key, at a provider. */
export interface SignInWays {
  readonly key: boolean;
  readonly oidc: boolean;
}

/** A missing key, or one that is not valid. */
export class UnauthorizedError extends Error {
  /** For a page that can sign in. */
  signIn: SignInWays | null = null;

  constructor(
    readonly code: KeyRefusal,
    message = REFUSALS[code],
    /** Hashes of sent keys that another replica may have made a moment ago. */
    readonly unknownHashes: readonly string[] = [],
    /** Learns whether a sent token is valid; a second try knows then. It may throw. */
    readonly verify: (() => Promise<void>) | null = null,
  ) {
    super(message);
    this.name = 'UnauthorizedError';
  }
}

/** A valid key without the right to what it requests. */
export class ForbiddenError extends Error {
  constructor(
    readonly code: 'insufficient_role' | 'model_not_allowed' | 'tenant_not_allowed',
    message: string,
  ) {
    super(message);
    this.name = 'ForbiddenError';
  }

  static role(role: Role, right: Right): ForbiddenError {
    const may = RIGHTS[right].join(', ');
    return new ForbiddenError(
      'insufficient_role',
      `the role ${role} of this key may not do this; these roles may: ${may}`,
    );
  }

  /** A header of a request that the role may make without it. */
  static header(header: string, role: Role, right: Right): ForbiddenError {
    const may = RIGHTS[right].join(', ');
    return new ForbiddenError(
      'insufficient_role',
      `${header}: the role ${role} of this key may not send it; these roles may: ${may}`,
    );
  }

  /** @param allowed teams that the key may act for */
  static tenant(header: string, team: string, allowed: readonly string[]): ForbiddenError {
    const names = allowed.slice(0, 10).map((name) => JSON.stringify(name));
    const more = allowed.length > names.length ? ` and ${allowed.length - names.length} more` : '';
    const held = names.length === 0 ? 'it is not set' : `it holds ${names.join(', ')}${more}`;
    return new ForbiddenError(
      'tenant_not_allowed',
      `${header}: this key may not act for the team ${JSON.stringify(team)}: may_act_for of the key must hold this name or "*", and ${held}`,
    );
  }

  /** @param user as a proxy or an issuer of tokens names it */
  static noRole(user: string): ForbiddenError {
    return new ForbiddenError(
      'insufficient_role',
      `AUTH_ROLES gives no role to the user ${JSON.stringify(user)} or a group of it`,
    );
  }

  /** The same for models that exist and models that do not. */
  static model(model: string): ForbiddenError {
    return new ForbiddenError(
      'model_not_allowed',
      `this key may not call the model ${JSON.stringify(model)}; GET /v1/models lists those that it may call`,
    );
  }
}

/** The route is served on ADMIN_PORT only. */
export class AdminPortError extends Error {
  override readonly name = 'AdminPortError';

  constructor() {
    super('this port serves models, jobs and probes; this path is served on ADMIN_PORT');
  }
}

/** A web page tries to reach a service that is meant for this machine only. */
export class ForeignOriginError extends Error {
  constructor(header: 'Host' | 'Origin') {
    super(
      `in protected mode this service answers only to loopback names, and the ${header} header names another; set ADMIN_API_KEY to open it`,
    );
    this.name = 'ForeignOriginError';
  }
}

/** What vouches for users cannot be reached, or has no time. */
export class SignInUnavailableError extends Error {
  override readonly name = 'SignInUnavailableError';
}

/** A page of another site sends a request in the name of a user that is signed in here. */
export class CrossSiteError extends Error {
  override readonly name = 'CrossSiteError';

  constructor() {
    super(
      'a page of another origin may not change anything in the name of a signed-in user: Sec-Fetch-Site or Origin names another origin; send an API key instead',
    );
  }
}

const NOT_FOUND = {
  key: 'there is no key with this id, or it is revoked',
  team: 'there is no team with this name',
  provider: 'there is no provider to sign in at: AUTH_OIDC_ISSUER is not set',
} as const;

/** There is no such key, team or provider, or the key is revoked. */
export class AccessNotFoundError extends Error {
  override readonly name = 'AccessNotFoundError';

  constructor(what: keyof typeof NOT_FOUND) {
    super(NOT_FOUND[what]);
  }
}

export class KeyNameTakenError extends Error {
  override readonly name = 'KeyNameTakenError';

  constructor(name: string) {
    super(`name: another key that is not revoked has the name ${JSON.stringify(name)}`);
  }
}
