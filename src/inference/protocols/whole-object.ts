/** Whether this JSON text is an object, so that nothing can follow that would make sense. */
export function isWholeObject(text: string): boolean {
  // Most often not even the last character fits.
  if (!text.trimEnd().endsWith('}')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
