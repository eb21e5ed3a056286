import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { UpstreamSettings } from '../config/settings.js';
import { CredentialVault } from '../credentials/credential-cipher.js';

/** What all replicas must agree on, by name of the setting: a hash, which reveals nothing of the value. */
export type SharedSettings = Readonly<Record<string, string>>;

/** Another replica with what it reports; `null`: its release reports nothing. */
export interface Settled {
  readonly id: string;
  readonly host: string;
  readonly settings: SharedSettings | null;
}

/** The settings in which `other` differs from `mine`. */
export function driftOf(mine: SharedSettings, { settings }: Settled): readonly string[] {
  if (settings === null) return [];
  return Object.keys(mine).filter((name) => settings[name] !== undefined && settings[name] !== mine[name]);
}

/** Warns when live replicas differ in settings that must agree: each would see other workers as uncallable. */
@Injectable()
export class SettingsDrift {
  readonly mine: SharedSettings;
  private readonly logger = new Logger('Replicas');
  private warned = '';
  private differing = 0;

  constructor(vault: CredentialVault, { allowCidrs, denyCidrs, allowLoopback }: UpstreamSettings) {
    this.mine = {
      CREDENTIALS_KEYS: vault.fingerprint,
      UPSTREAM_CIDRS: hashOf([allowCidrs.toSorted(), denyCidrs.toSorted(), allowLoopback]),
    };
  }

  /** How many of the other live replicas differ from this one. */
  get count(): number {
    return this.differing;
  }

  compare(others: readonly Settled[]): void {
    const drifts = others
      .map((other) => ({ other, names: driftOf(this.mine, other) }))
      .filter(({ names }) => names.length > 0);
    this.differing = drifts.length;
    const text = drifts
      .map(({ other, names }) => `${other.host} (replica ${other.id}) in ${names.join(' and ')}`)
      .toSorted()
      .join('; ');
    if (text !== '' && text !== this.warned)
      this.logger.warn(`settings that must be the same on every replica differ from those of ${text}`);
    if (text === '' && this.warned !== '') this.logger.log('all replicas have the same settings again');
    this.warned = text;
  }
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
