import { redact } from '../../credentials/redact.js';
import type { SecretLookup } from '../../template/placeholders.js';

const WHOLE_PLACEHOLDER = /^\{[A-Z][A-Z0-9_]*(\.[\w-]+)?\}$/;

/** The secrets of one dry run: its credentials, and the values of its `${secret:NAME}`. */
export class DryRunSecrets {
  private readonly known = new Set<string>();
  private readonly credentials = new Set<string>();
  private readonly visible = new Set<string>();

  constructor(private readonly source: SecretLookup) {}

  /** Remembers every value it returns. */
  readonly lookup: SecretLookup = (name) => {
    const value = this.source(name);
    this.known.add(value);
    return value;
  };

  /** Adds headers that are credentials: as they are registered, and again as they are rendered. */
  know(headers: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(headers)) {
      // The value comes from the request alone, so the client may see it.
      if (WHOLE_PLACEHOLDER.test(value)) this.visible.add(name);
      if (this.visible.has(name)) continue;
      this.known.add(value);
      this.credentials.add(name);
    }
  }

  /** Adds the credentials of a rendered request. @param names in lower case */
  knowRendered(headers: Readonly<Record<string, string>>, names: ReadonlySet<string>): void {
    this.know(Object.fromEntries(Object.entries(headers).filter(([name]) => names.has(name.toLowerCase()))));
  }

  /** @param shown the number of characters to return */
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
        // A value too short to search for is hidden as a whole.
        return [[this.hide(name), this.credentials.has(name) && hidden === text ? '[hidden]' : hidden]];
      }),
    );
  }
}
