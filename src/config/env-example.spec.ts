import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readEnvironment } from './environment.js';
import type { Variable } from './variable.js';
import { VARIABLES } from './variables.js';

interface Documented {
  readonly name: string;
  readonly value: string;
  /** The comment above it, or above its group. */
  readonly comment: string;
}

const lines = readFileSync('.env.example', 'utf8').split('\n');
const documented = readDocumented();

function readDocumented(): readonly Documented[] {
  const found: Documented[] = [];
  let comment = '';
  for (const line of lines) {
    const [, name, value] = /^#?([A-Z][A-Z_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) found.push({ name, value, comment });
    else comment = line.startsWith('#') ? `${comment} ${line.slice(1).trim()}` : '';
  }
  return found;
}

describe('.env.example', () => {
  it('names every variable the service reads, each once, and no other', () => {
    const names = documented.map(({ name }) => name);
    expect(names.toSorted()).toEqual(Object.keys(VARIABLES).toSorted());
  });

  it('changes nothing when it is copied unchanged', () => {
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  it.each(documented)('shows the default of $name', ({ name, value }) => {
    expect(readEnvironment({ [name]: value })).toEqual(readEnvironment({}));
    // Defaults of the code are shown here too.
    const { fallback } = variable(name);
    expect(value === '').toBe(fallback === null || (Array.isArray(fallback) && fallback.length === 0));
  });

  it.each(documented)('documents $name and its accepted values', ({ name, comment }) => {
    expect(comment.length).toBeGreaterThan(20);
    const { accepts } = variable(name);
    const [, range, choices] = /^(?:an? .*number from (.*)|one of (.*))$/.exec(accepts) ?? [];
    const wanted = range === undefined ? (choices?.split(', ') ?? []) : [range];
    expect(wanted.filter((words) => !new RegExp(`\\b${words}\\b`).test(comment))).toEqual([]);
  });
});

function variable(name: string): Variable<unknown> {
  const found = Object.entries<Variable<unknown>>(VARIABLES).find(([key]) => key === name);
  if (found === undefined) throw new Error(`${name} is not a variable of this service`);
  return found[1];
}
