import { STATE_WORDS, type StateName } from '../words/states';
import { Icon } from './icon';

/** A shape and a word, always both. */
export function State({ state }: { readonly state: StateName }) {
  return (
    <span class={`st s-${state}`}>
      <Icon shape={state} kind="dot" />
      {STATE_WORDS[state]}
    </span>
  );
}
