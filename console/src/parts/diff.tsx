import type { JsonObject } from '../words/json';
import { wordsOf } from '../words/numbers';

interface DiffProps {
  readonly before: object | null;
  readonly after: object | null;
}

/** Old and new values of what changed. Of what is new, the names alone would say no more than the definition. */
export function Diff({ before, after }: DiffProps) {
  if (before === null || after === null) return null;
  const [was, is] = [before as JsonObject, after as JsonObject];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return (
    <>
      {names.map((name) => (
        <span key={name}>
          {wordsOf(name)} {name in was && <del>{text(was[name])}</del>} <ins>{text(is[name])}</ins>{' '}
        </span>
      ))}
    </>
  );
}

const text = (value: unknown): string =>
  typeof value === 'string' && value !== '' ? value : JSON.stringify(value ?? '').replace(/^""$/, 'none');
