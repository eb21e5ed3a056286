/**
 * Which Claude a model is, by its name: 406 is Claude 4.6; `null`: another's, that speaks this protocol. Names such as
 * claude-3-5-sonnet-20241022, claude-sonnet-4-5@20250929, us.anthropic.claude-opus-4-6-v1:0; of what is named in another
 * way all is taken for newer than these. https://platform.claude.com/docs/en/about-claude/models/overview
 */
export function claudeVersion(model: string): number | null {
  if (!/claude/i.test(model)) return null;
  if (/claude-instant/i.test(model)) return versionOf('1', undefined);
  const old = /claude-v?([1-3])(?!\d)(?:[-.](\d{1,2})(?!\d))?/i.exec(model);
  if (old !== null) return versionOf(old[1], old[2]);
  const named = /claude-[a-z]+-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?/i.exec(model);
  return named === null ? Infinity : versionOf(named[1], named[2]);
}

function versionOf(major: string | undefined, minor: string | undefined): number {
  return Number(major ?? 0) * 100 + Number(minor ?? 0);
}
