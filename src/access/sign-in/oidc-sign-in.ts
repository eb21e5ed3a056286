import { Injectable, Logger } from '@nestjs/common';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  ResponseBodyError,
  AuthorizationResponseError,
} from 'openid-client';
import { AccessSettings, type OidcSettings } from '../../config/settings.js';
import { AccessNotFoundError, SignInUnavailableError, UnauthorizedError } from '../access-errors.js';
import { textsIn, type Vouched } from './role-rules.js';

const TIMEOUT_S = 10;
/** Those that a provider has; some refuse a request for others. */
const WANTED_SCOPES = ['openid', 'profile', 'email', 'groups'];

/** What a browser keeps, sealed, until it comes back from the provider. */
export interface RoundTrip {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The code flow of OpenID Connect with PKCE, state and nonce. */
@Injectable()
export class OidcSignIn {
  private readonly logger = new Logger('Access');
  private readonly settings: OidcSettings | null;
  private known: Promise<Configuration> | null = null;

  constructor({ oidc }: AccessSettings) {
    this.settings = oidc;
  }

  /** Where to send the browser. @throws SignInUnavailableError, AccessNotFoundError */
  async begin(): Promise<{ readonly url: URL; readonly trip: RoundTrip }> {
    const { redirectUrl } = this.configured();
    const provider = await this.provider();
    const trip = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const offered = provider.serverMetadata().scopes_supported;
    const scopes = WANTED_SCOPES.filter((scope) => scope === 'openid' || offered?.includes(scope) === true);
    const url = buildAuthorizationUrl(provider, {
      redirect_uri: redirectUrl,
      scope: scopes.join(' '),
      state: trip.state,
      nonce: trip.nonce,
      code_challenge: await calculatePKCECodeChallenge(trip.verifier),
      code_challenge_method: 'S256',
    });
    return { url, trip };
  }

  /** The user that comes back. @param query of the callback @throws UnauthorizedError, SignInUnavailableError, AccessNotFoundError */
  async finish(query: string, { state, nonce, verifier }: RoundTrip): Promise<Vouched> {
    const { issuer, redirectUrl } = this.configured();
    const provider = await this.provider();
    try {
      const tokens = await authorizationCodeGrant(provider, new URL(`${redirectUrl}${query}`), {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new Error('the provider sent no ID token');
      const hasUserInfo = provider.serverMetadata().userinfo_endpoint !== undefined;
      const more =
        'groups' in claims || !hasUserInfo
          ? {}
          : await fetchUserInfo(provider, tokens.access_token, claims.sub);
      const all: Readonly<Record<string, unknown>> = { ...more, ...claims };
      return { issuer, user: claims.sub, name: nameOf(all), groups: textsIn(all['groups']) };
    } catch (error) {
      this.logger.warn(`a sign-in is refused: ${reasonOf(error)}`);
      throw new UnauthorizedError(
        'invalid_sign_in',
        `the sign-in is refused: ${reasonOf(error)}; begin again at /auth/login`,
      );
    }
  }

  private configured(): OidcSettings {
    if (this.settings === null) throw new AccessNotFoundError('provider');
    return this.settings;
  }

  /** Read once it is needed, and kept. */
  private async provider(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.configured();
    this.known ??= discovery(new URL(issuer), clientId, clientSecret ?? undefined, undefined, {
      timeout: TIMEOUT_S,
      execute: [enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [allowInsecureRequests] : [])],
    });
    try {
      return await this.known;
    } catch (error) {
      this.known = null;
      this.logger.warn(`the provider ${issuer} cannot be reached: ${reasonOf(error)}`);
      throw new SignInUnavailableError(`AUTH_OIDC_ISSUER cannot be reached: ${reasonOf(error)}`);
    }
  }
}

/** An address only if the provider has verified it: users write the rest themselves. */
function nameOf(claims: Readonly<Record<string, unknown>>): string {
  const { email, email_verified: isVerified, preferred_username: username, sub } = claims;
  if (typeof email === 'string' && isVerified === true) return email;
  return typeof username === 'string' && username !== '' ? username : String(sub);
}

function reasonOf(error: unknown): string {
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError)
    return `the provider answers ${error.error}`;
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
