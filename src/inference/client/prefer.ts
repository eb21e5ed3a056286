/** What a client requests in `Prefer` [RFC 7240]. */
export interface Preferences {
  /** A 202 with the job instead of a long wait [RFC 7240, 4.1]. */
  readonly respondAsync: boolean;
  /** How long the client waits, in milliseconds [RFC 7240, 4.3]; `null`: not given. */
  readonly waitMs: number | null;
}

const NONE: Preferences = { respondAsync: false, waitMs: null };

/** A preference that is not understood is ignored, and of one that comes twice the first counts [RFC 7240, 2]. */
export function readPrefer(header: string | readonly string[] | undefined): Preferences {
  if (header === undefined) return NONE;
  const seen = new Map<string, string>();
  for (const preference of (typeof header === 'string' ? header : header.join(',')).split(',')) {
    const [name = '', value = ''] = (preference.split(';', 1)[0] ?? '').split('=', 2);
    const key = name.trim().toLowerCase();
    if (!seen.has(key)) seen.set(key, value.trim().replace(/^"(.*)"$/, '$1'));
  }
  const wait = seen.get('wait') ?? '';
  return {
    respondAsync: seen.has('respond-async'),
    waitMs: /^\d{1,6}$/.test(wait) ? Number(wait) * 1000 : null,
  };
}

/** The value of `Preference-Applied` for a 202. */
export function preferenceApplied({ waitMs }: Preferences): string {
  return waitMs === null ? 'respond-async' : `respond-async, wait=${waitMs / 1000}`;
}
