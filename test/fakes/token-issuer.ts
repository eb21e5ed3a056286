import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

/** An issuer of real JWTs, with a discovery document and a key set over HTTP. */
export class TokenIssuer {
  private readonly server = createServer((request, response) => {
    this.requests.push(request.url ?? '');
    if (this.isAway) return void response.writeHead(503).end();
    const body =
      request.url === '/keys'
        ? { keys: this.published }
        : { issuer: this.named ?? this.url, jwks_uri: `${this.url}/keys` };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  private readonly pairs = new Map<string, Pair>();
  private published: object[] = [];
  readonly requests: string[] = [];
  isAway = false;
  /** The issuer of the discovery document, where it is another one. */
  named: string | null = null;

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    await new Promise<void>((resolve) => issuer.server.listen(0, '127.0.0.1', resolve));
    await issuer.publish('first');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** These keys and no others are in the set from now on. */
  async publish(...kids: readonly string[]): Promise<void> {
    this.published = await Promise.all(
      kids.map(async (kid) => {
        const { publicKey } = await this.pairOf(kid);
        return { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' };
      }),
    );
  }

  /** A token that is valid unless claims or key say otherwise. */
  async token(
    claims: Readonly<Record<string, unknown>> = {},
    kid = 'first',
    signedBy = kid,
  ): Promise<string> {
    const { privateKey } = await this.pairOf(signedBy);
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({ iss: this.url, aud: 'models', sub: 'someone', iat: now, exp: now + 600, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(privateKey);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private async pairOf(kid: string): Promise<Pair> {
    const pair = this.pairs.get(kid) ?? (await generateKeyPair('ES256'));
    this.pairs.set(kid, pair);
    return pair;
  }
}
