import { createRemoteJWKSet, type RemoteJWKSet } from 'jose';
import type { TokenSettings } from '../../config/settings.js';

/** Only the first request after a rotation of keys waits for the issuer, and no longer than this. */
const LONGEST_FETCH_MS = 5_000;

/** The public keys of the issuer of tokens: found by its discovery document, renewed by a timer. */
export class TokenKeys {
  private set: RemoteJWKSet | null = null;
  private url = '';
  private timer: NodeJS.Timeout | null = null;
  private seen = '';
  private stopped = false;

  constructor(
    private readonly settings: TokenSettings,
    /** The keys are other ones than before: what they verified counts no longer. */
    private readonly onChange: () => void,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** `null`: the issuer has not been reached yet. */
  get current(): RemoteJWKSet | null {
    return this.set;
  }

  start(): void {
    void this.renew();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** Compares the keys with those of the last time. Call after a token had a key id that was not known. */
  compare(): void {
    const keys = JSON.stringify(this.set?.jwks() ?? null);
    if (keys === this.seen) return;
    this.seen = keys;
    this.onChange();
  }

  private async renew(): Promise<void> {
    let nextMs = this.settings.refreshMs;
    try {
      await this.read();
    } catch (error) {
      // Keys that were read before go on: an issuer that is away must not lock its users out.
      nextMs = this.settings.retryMs;
      this.onFailure(error);
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.renew(), nextMs).unref();
  }

  private async read(): Promise<void> {
    const url = await this.discover();
    const set =
      this.set !== null && url === this.url
        ? this.set
        : createRemoteJWKSet(new URL(url), {
            timeoutDuration: LONGEST_FETCH_MS,
            cooldownDuration: this.settings.cooldownMs,
            // The timer renews it, so that no request waits for it.
            cacheMaxAge: Infinity,
          });
    await set.reload();
    this.set = set;
    this.url = url;
    this.compare();
  }

  /** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig */
  private async discover(): Promise<string> {
    const { issuer } = this.settings;
    const answer = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      redirect: 'error',
      signal: AbortSignal.timeout(LONGEST_FETCH_MS),
    });
    if (!answer.ok) throw new Error(`its discovery document is answered with status ${answer.status}`);
    const document: unknown = await answer.json();
    if (typeof document !== 'object' || document === null)
      throw new Error('its discovery document is no object');
    const { issuer: named, jwks_uri: url } = document as {
      readonly issuer?: unknown;
      readonly jwks_uri?: unknown;
    };
    if (named !== issuer)
      throw new Error(
        `its discovery document names the issuer ${JSON.stringify(named)}, not ${JSON.stringify(issuer)}`,
      );
    if (typeof url !== 'string' || !URL.canParse(url))
      throw new Error('its discovery document has no jwks_uri');
    if (new URL(url).protocol !== 'https:' && issuer.startsWith('https:'))
      throw new Error('its jwks_uri is not https');
    return url;
  }
}
