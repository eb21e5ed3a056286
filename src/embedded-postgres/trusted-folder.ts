import { lstatSync } from 'node:fs';

/** What keeps a folder from being trusted as `uid`'s own, to be said after its name; undefined when nothing does. */
export function faultOf(folder: string, uid: number): string | undefined {
  const found = lstatSync(folder);
  if (found.isSymbolicLink()) return 'is a link';
  if (!found.isDirectory()) return 'is not a folder';
  if (found.uid !== uid) return `belongs to uid ${found.uid}`;
  if ((found.mode & 0o022) !== 0) return 'can be written by others';
  return undefined;
}
