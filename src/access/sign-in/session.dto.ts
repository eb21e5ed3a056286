import { ApiProperty } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches } from 'class-validator';
import { PRINTABLE, printable } from '../../input/dto-rules.js';
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

/** Whose sessions end. */
export class EndSessionsQueryDto {
  /** As the history names it, or its provider; or the name of a key that was signed in with. Left out: all. */
  @IsOptional() @IsString() @Length(1, 256) @Matches(PRINTABLE, printable) user?: string;
}
