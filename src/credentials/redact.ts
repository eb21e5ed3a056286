const hidden = '[hidden]';
/** Shorter ones would blot out ordinary words, and are no secrets. */
const shortest = 4;
const scheme = /^(?:basic|bearer|token|key|apikey|api-key)\s+/i;

/** Hides the secrets wherever they stand in a text: as they are, without their scheme, in JSON and in a URL. */
export function redact(text: string, secrets: Iterable<string>): string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const form of [secret, secret.replace(scheme, '')]) {
      forms
        .add(form)
        .add(JSON.stringify(form).slice(1, -1))
        .add(encodeURIComponent(Buffer.from(form).toString()));
    }
  }
  // The longest first, or what is left of it would still tell the most of it.
  const longestFirst = [...forms]
    .filter((form) => form.length >= shortest)
    .toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((shown, form) => shown.replaceAll(form, () => hidden), text);
}
