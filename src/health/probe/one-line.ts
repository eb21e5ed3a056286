const LONGEST = 500;

/**
 * For a table cell and a log line. Reasons may quote a server's certificate or a column edited by hand: no control
 * characters (PostgreSQL's text can't hold U+0000), no half characters, not endless.
 */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cs}]+/gu, ' ').trim();
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1).replace(/\p{Cs}$/u, '')}…`;
}
