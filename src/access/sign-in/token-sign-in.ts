import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { AccessSettings, type TokenSettings } from '../../config/settings.js';
import { ForbiddenError, SignInUnavailableError, UnauthorizedError } from '../access-errors.js';
import type { Caller } from '../caller.js';
import { hashOf } from '../keys/key-text.js';
import { type RoleRule, roleOf, roleRulesOf, textsIn, vouchedCaller } from './role-rules.js';
import { TokenKeys } from './token-keys.js';

/** Every JWT begins with the base64url of `{"`. */
const MARK = 'eyJ';
/** Those that sign with a private key: none of them makes a secret of ours a key of others. https://www.rfc-editor.org/rfc/rfc8725#section-3.1 */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Between the clocks of the issuer and of this service. */
const CLOCK_TOLERANCE_S = 5;
const MOST_KEPT = 10_000;
/** Verifications at once; further tokens are a 503. */
const MOST_VERIFIED = 100;

interface Verdict {
  /** An error: why the token is refused. */
  readonly of: Caller | UnauthorizedError | ForbiddenError;
  readonly untilMs: number;
}

/**
 * JWTs of one issuer as keys. A token is verified once, off the way of other requests, and is a look-up by its hash from then on
 * until it expires.
 */
@Injectable()
export class TokenSignIn implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Access');
  private readonly settings: TokenSettings | null;
  private readonly rules: readonly RoleRule[];
  private readonly keys: TokenKeys | null;
  private readonly accepted = new Map<string, Verdict>();
  private readonly refused = new Map<string, Verdict>();
  private verifying = 0;
  private failure = '';

  constructor({ tokens, roleRules }: AccessSettings) {
    this.settings = tokens;
    this.rules = roleRulesOf(roleRules);
    this.keys =
      tokens === null
        ? null
        : new TokenKeys(
            tokens,
            () => this.forget(),
            (error) => this.failed(error),
          );
  }

  onApplicationBootstrap(): void {
    this.keys?.start();
  }

  onApplicationShutdown(): void {
    this.keys?.stop();
  }

  /** Whether a text that is no known key may be a token. */
  isToken(key: string): boolean {
    return this.keys !== null && key.startsWith(MARK);
  }

  /** What is known of a token; `undefined`: it needs to be verified. @param hash as `hashOf` makes it */
  find(hash: string, nowMs = Date.now()): Verdict['of'] | undefined {
    for (const verdicts of [this.accepted, this.refused]) {
      const verdict = verdicts.get(hash);
      if (verdict === undefined) continue;
      if (nowMs < verdict.untilMs) return verdict.of;
      verdicts.delete(hash);
    }
    return undefined;
  }

  /** After it, `find` has a verdict. @throws SignInUnavailableError */
  async verify(token: string): Promise<void> {
    if (this.settings === null || this.keys === null) return;
    const keys = this.keys.current;
    if (keys === null)
      throw new SignInUnavailableError(`the keys of AUTH_JWT_ISSUER cannot be read: ${this.failure}`);
    if (this.verifying >= MOST_VERIFIED)
      throw new SignInUnavailableError(`${MOST_VERIFIED} new tokens are being verified already: try again`);
    const { issuer, audiences, cooldownMs } = this.settings;
    // From the verdict on: the verification may have waited for the issuer.
    const refuse = (of: UnauthorizedError): void =>
      this.keep(this.refused, token, { of, untilMs: Date.now() + cooldownMs });
    this.verifying += 1;
    try {
      // Before its key is sought: a foreign token causes no request to the issuer.
      if (decodeJwt(token).iss !== issuer) {
        refuse(refusal('its iss is not AUTH_JWT_ISSUER'));
        return;
      }
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...audiences],
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ['sub', 'exp'],
      });
      this.keys.compare();
      const expiresMs = ((payload.exp ?? 0) + CLOCK_TOLERANCE_S) * 1_000;
      this.keep(this.accepted, token, { of: this.callerOf(payload, issuer), untilMs: expiresMs });
    } catch (error) {
      this.keys.compare();
      refuse(this.refusalOf(error));
    } finally {
      this.verifying -= 1;
    }
  }

  private callerOf({ sub = '', groups }: JWTPayload, issuer: string): Caller | ForbiddenError {
    const vouched = { issuer, user: sub, name: sub, groups: textsIn(groups) };
    const role = roleOf(vouched, this.rules);
    return role === null ? ForbiddenError.noRole(sub) : vouchedCaller(vouched, role);
  }

  /** @throws SignInUnavailableError when it is not the fault of the token */
  private refusalOf(error: unknown): UnauthorizedError {
    if (error instanceof errors.JWTExpired)
      return new UnauthorizedError(
        'expired_token',
        'this token has expired: fetch another one from its issuer',
      );
    if (error instanceof errors.JWTClaimValidationFailed) {
      const expected = error.claim === 'aud' ? `: accepted is ${this.settings?.audiences.join(' or ')}` : '';
      return refusal(`its claim ${error.claim} is missing or not accepted${expected}`);
    }
    if (error instanceof errors.JWKSNoMatchingKey)
      return refusal('the issuer has no key with its key id (kid)');
    if (error instanceof errors.JWKSMultipleMatchingKeys)
      return refusal('it has no key id (kid), and the issuer has several keys');
    if (error instanceof errors.JWSSignatureVerificationFailed)
      return refusal('its signature does not match');
    if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
      return refusal(`its algorithm is not one of ${ALGORITHMS.join(', ')}`);
    if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid)
      return refusal('it is not a JWT, or cannot be decoded');
    this.failed(error);
    throw new SignInUnavailableError(`the keys of AUTH_JWT_ISSUER cannot be read: ${this.failure}`);
  }

  /** The oldest go first. */
  private keep(verdicts: Map<string, Verdict>, token: string, verdict: Verdict): void {
    for (const oldest of verdicts.keys()) {
      if (verdicts.size < MOST_KEPT) break;
      verdicts.delete(oldest);
    }
    verdicts.set(hashOf(token), verdict);
  }

  private forget(): void {
    this.accepted.clear();
    this.refused.clear();
  }

  private failed(error: unknown): void {
    const text = causeOf(error);
    if (text !== this.failure)
      this.logger.warn(`the keys of ${this.settings?.issuer} cannot be read: ${text}`);
    this.failure = text;
  }
}

function refusal(why: string): UnauthorizedError {
  return new UnauthorizedError('invalid_token', `this token is not valid here: ${why}`);
}

/** `fetch` hides what happened in the cause. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
