import { ApiProperty } from '@nestjs/swagger';
import { ROLES, type Role } from '../roles.js';

/** Parts of this service that older releases do not have. */
export const FEATURES = ['usage', 'jobs', 'keys'] as const;

/** How a browser can sign in. */
export class SignInWaysDto {
  /** With an API key: POST /auth/session. */
  key!: boolean;
  /** At a provider: GET /auth/login. */
  oidc!: boolean;
}

/** What a page needs to know before it shows anything. */
export class SessionDto {
  /** Of this service. */
  version!: string;
  /** true: no key is needed, and only this machine can call. */
  protected_mode!: boolean;
  /** The name of the key or the user; the actor of what it changes. root: ADMIN_API_KEY, or a client that needs no key. */
  actor!: string;
  @ApiProperty({ enum: ROLES }) role!: Role;
  @ApiProperty({ enum: FEATURES, isArray: true }) features!: readonly (typeof FEATURES)[number][];
  sign_in!: SignInWaysDto;
}
