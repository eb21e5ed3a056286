import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CrossSiteError, ForbiddenError, UnauthorizedError } from '../access-errors.js';
import { hasKey } from '../admission-check.js';
import { KeySync } from '../keys/key-sync.js';
import { OidcSignIn } from './oidc-sign-in.js';
import { roleOf, roleRulesOf } from './role-rules.js';
import { isSameOrigin } from './same-origin.js';
import { cookieIn, cookieText, Sessions } from './sessions.js';
import { AccessSettings } from '../../config/settings.js';

const TRIP_COOKIE = 'mmm_sign_in';
const TRIP_S = 600;
const HOME = '/docs';

/** Signing in with a browser. */
@Controller('auth')
export class SignInController {
  constructor(
    private readonly oidc: OidcSignIn,
    private readonly sessions: Sessions,
    private readonly settings: AccessSettings,
    private readonly sync: KeySync,
  ) {}

  /** Sends the browser to the provider. */
  @Get('login')
  @ApiExcludeEndpoint()
  async login(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { url, trip } = await this.oidc.begin();
    const back = returnPath(new URL(request.url, 'http://localhost').searchParams.get('return_to'));
    const sealed = this.sessions.seal('trip', { ...trip, back }, TRIP_S);
    await reply.header('set-cookie', tripCookie(sealed, TRIP_S, isSecure(request))).redirect(url.href, 302);
  }

  /** The browser comes back from the provider. */
  @Get('callback')
  @ApiExcludeEndpoint()
  async callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const sealed = cookieIn(request.headers.cookie ?? '', TRIP_COOKIE);
    const trip = sealed === null ? null : this.sessions.open('trip', sealed);
    // Whatever comes of it: a second try needs a new state.
    const secure = isSecure(request);
    void reply.header('set-cookie', tripCookie('', 0, secure));
    if (trip === null)
      throw new UnauthorizedError(
        'invalid_sign_in',
        'this sign-in was not begun in this browser, or more than ten minutes ago; begin again at /auth/login',
      );
    const { state = '', nonce = '', verifier = '', back = HOME } = trip;
    const at = request.url.indexOf('?');
    const user = await this.oidc.finish(at === -1 ? '' : request.url.slice(at), { state, nonce, verifier });
    if (roleOf(user, roleRulesOf(this.settings.roleRules)) === null) throw ForbiddenError.noRole(user.name);
    await this.readEnds();
    // A page, not a redirect: a browser sends no Strict cookie on a redirect that another site began.
    await reply
      .header('set-cookie', this.sessions.ofUser(user, secure))
      .header('cache-control', 'no-store')
      .header('content-security-policy', "default-src 'none'")
      .type('text/html; charset=utf-8')
      .send(
        `<!doctype html><meta http-equiv="refresh" content="0;url=${back}"><a href="${back}">Signed in</a>`,
      );
  }

  /** Signs the browser in with the key of this request: the cookie stands for the key until it ends. */
  @Post('session')
  @HttpCode(204)
  async session(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const { caller, headers } = request;
    if (!hasKey(headers)) throw new UnauthorizedError('missing_api_key');
    if (!this.sessions.isKey(caller))
      throw new UnauthorizedError('invalid_sign_in', 'only an API key can be signed in with, not a token');
    await this.readEnds();
    void reply.header('set-cookie', this.sessions.ofKey(caller, isSecure(request)));
  }

  /** Signs the browser out of this service, not of the provider. */
  @Post('logout')
  @HttpCode(204)
  logout(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): void {
    if (!isSameOrigin(request.headers)) throw new CrossSiteError();
    void reply.header('set-cookie', this.sessions.ended(isSecure(request)));
  }

  /** An end of sessions that this replica has not heard of yet must not end the session that begins now. */
  private async readEnds(): Promise<void> {
    await this.sync.reload([]).catch(() => {});
  }
}

/** Lax: the browser must send it when the provider sends it back here. */
function tripCookie(value: string, maxAgeS: number, secure: boolean): string {
  return cookieText(TRIP_COOKIE, value, { path: '/auth', sameSite: 'Lax', maxAgeS, isSecure: secure });
}

/** A client that writes the header itself weakens nothing but its own cookie. */
function isSecure({ headers, raw }: FastifyRequest): boolean {
  return 'encrypted' in raw.socket || headers['x-forwarded-proto'] === 'https';
}

/** A path of this service, with no character that HTML or another site's URL needs. */
function returnPath(given: string | null): string {
  return given !== null && /^\/(?![/\\])[\w\-./?=&%#~]*$/.test(given) ? given.replaceAll('&', '&amp;') : HOME;
}
