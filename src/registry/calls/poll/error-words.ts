import { compileValuePath } from '../../../template/json-paths.js';
import type { PlaceholderName, PlaceholderValues, Vocabulary } from '../../../template/placeholders.js';
import type { FaultList } from './poll-vocabulary.js';

/** The first path that finds something, as text. */
export interface TextReader {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  /** '': nothing stands at any path. Never throws. */
  read(answer: unknown, values: PlaceholderValues): string;
}

const LONGEST_MESSAGE = 1000;

/** Adds every fault to `faults`. */
export function compileErrorPaths(
  paths: string | readonly string[] | null | undefined,
  vocabulary: Vocabulary,
  faults: FaultList,
): TextReader {
  const isList = Array.isArray(paths);
  const listed = (isList ? paths : [paths ?? null]) as readonly (string | null)[];
  const compiled = listed.flatMap((path, at) => {
    const field = isList ? `poll.error[${at}]` : 'poll.error';
    const found = path === null ? null : faults.attempt(() => compileValuePath(path, field, vocabulary));
    return found === null ? [] : [found];
  });
  return {
    placeholders: new Set(compiled.flatMap((path) => [...path.placeholders])),
    read: (answer, values) => {
      for (const path of compiled)
        for (const value of path.all(answer, values)) {
          const text = textOf(value);
          if (text !== '') return text;
        }
      return '';
    },
  };
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value.trim() : jsonOf(value);
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE)}…`;
}

/** Nothing for a value that nests too deep to be written, or that says nothing. */
function jsonOf(value: unknown): string {
  try {
    const json = JSON.stringify(value);
    return ['{}', '[]', 'false'].includes(json) ? '' : json;
  } catch {
    return '';
  }
}
