import { redact } from '../../credentials/redact.js';
import type { SecretLookup } from '../../template/placeholders.js';

const WHOLE_PLACEHOLDER = /^\{[A-Z_]+\}$/;

/** The secrets one dry run has come to know: the credentials it was given, and what its `${secret:NAME}` stand for. */
export class DryRunSecrets {
  private readonly known = new Set<string>();
  private readonly credentials = new Set<string>();
  private readonly spoken = new Set<string>();

  constructor(private readonly source: SecretLookup) {}

  /** Remembers whatever it hands out. */
  readonly lookup: SecretLookup = (name) => {
    const value = this.source(name);
    this.known.add(value);
    return value;
  };

  /** Headers that are credentials: as they are registered, and again as they are rendered. */
  know(headers: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(headers)) {
      // A caller's word and nothing else: he may see it.
      if (WHOLE_PLACEHOLDER.test(value)) this.spoken.add(name);
      if (this.spoken.has(name)) continue;
      this.known.add(value);
      this.credentials.add(name);
    }
  }

  /** @param shown of a longer text, no more than its beginning */
  hide(text: string, shown: number = text.length): string {
    return redact(text, this.known, Math.min(shown, text.length));
  }

  hideHeaders(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  ): Record<string, string> {
    return Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) => {
        if (value === undefined) return [];
        const text = typeof value === 'string' ? value : value.join(', ');
        const hidden = this.hide(text);
        // Too short to be looked for elsewhere.
        return [[this.hide(name), this.credentials.has(name) && hidden === text ? '[hidden]' : hidden]];
      }),
    );
  }
}
