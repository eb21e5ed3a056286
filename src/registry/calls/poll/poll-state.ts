import { compileValuePath, type ValuePath } from '../../../template/json-paths.js';
import type { PlaceholderName, PlaceholderValues, Vocabulary } from '../../../template/placeholders.js';
import type { StateRuleDto } from '../../poll.dto.js';
import type { FaultList } from './poll-vocabulary.js';

export const STATES = ['queued', 'running', 'done', 'failed', 'cancelled', 'lost'] as const;
export type UpstreamState = (typeof STATES)[number];

/** What an answer says of its task. */
export interface SeenState {
  /** `null`: no rule applies. */
  readonly state: UpstreamState | null;
  /** The upstream's own word; '' when nothing stands at any path. */
  readonly word: string;
}

/** The rules of `poll.state`, compiled. */
export interface StateReader {
  readonly placeholders: ReadonlySet<PlaceholderName>;
  /** Its paths as they are written, for messages. */
  readonly paths: string;
  /** Never throws. */
  read(answer: unknown, values: PlaceholderValues): SeenState;
}

interface Rule {
  readonly text: string;
  readonly path: ValuePath;
  readonly words: readonly (readonly [UpstreamState, readonly unknown[] | 'any'])[];
}

/** Adds every fault to `faults`. */
export function compileStates(
  state: StateRuleDto | readonly StateRuleDto[],
  vocabulary: Vocabulary,
  faults: FaultList,
): StateReader {
  const isList = Array.isArray(state);
  const rules = (isList ? state : [state]) as readonly StateRuleDto[];
  const compiled = rules.flatMap((rule, at): readonly Rule[] => {
    const field = isList ? `poll.state[${at}]` : 'poll.state';
    const path = faults.attempt(() => compileValuePath(rule.path, `${field}.path`, vocabulary));
    const words = STATES.flatMap((each) => {
      const listed = rule[each] ?? null;
      return listed === null ? [] : [[each, listed] as const];
    });
    if (words.length === 0) faults.add(field, `names no state: ${STATES.join(', ')}`);
    return path === null ? [] : [{ text: rule.path, path, words }];
  });
  if (!rules.some(({ done }) => (done ?? null) !== null))
    faults.add('poll.state', 'never means done: list the words of a finished task in done');
  addRepeatedWords(rules, isList, faults);
  return {
    placeholders: new Set(compiled.flatMap(({ path }) => [...path.placeholders])),
    paths: rules.map(({ path }) => path).join(' or '),
    read: (answer, values) => seen(compiled, answer, values),
  };
}

/** Of two states with the same word at one path, the second would never be seen. */
function addRepeatedWords(rules: readonly StateRuleDto[], isList: boolean, faults: FaultList): void {
  const found = new Map<string, UpstreamState>();
  for (const [at, rule] of rules.entries())
    for (const state of STATES) {
      const listed = rule[state] ?? [];
      const field = `poll.state${isList ? `[${at}]` : ''}.${state}`;
      for (const word of listed === 'any' ? ['any'] : listed) {
        const text = listed === 'any' ? 'any' : JSON.stringify(word);
        const key = `${rule.path} ${text}`;
        const before = found.get(key);
        if (before === undefined) found.set(key, state);
        else
          faults.add(
            field,
            before === state ? `lists ${text} twice` : `lists ${text}, which ${before} lists, too`,
          );
      }
    }
}

function seen(rules: readonly Rule[], answer: unknown, values: PlaceholderValues): SeenState {
  let word = '';
  for (const { text, path, words } of rules) {
    const value = path.all(answer, values)[0] ?? null;
    if (value !== null) word = wordOf(value, text);
    const match = words.find(([, listed]) => (listed === 'any' ? value !== null : listed.includes(value)));
    if (match !== undefined) return { state: match[0], word: value === null ? '' : word };
  }
  return { state: null, word };
}

const LONGEST_WORD = 200;

/** `RUNNING`, `done=true`: a number or boolean alone would say nothing. */
function wordOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value.slice(0, LONGEST_WORD);
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'an object';
  return `${path}=${text}`.slice(0, LONGEST_WORD);
}
