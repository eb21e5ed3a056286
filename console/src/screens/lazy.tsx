import { signal } from '../live/signal';
import { type Attributes, type FunctionComponent, createElement } from 'preact';
import { Note } from '../parts/note';
import { Skeleton } from '../parts/screen';
import type * as Screens from './more';

const loaded = signal<typeof Screens | null>(null);
const isLost = signal(false);
let loading: Promise<void> | undefined;

/** All screens but the first are one chunk, loaded with the first of them: text compresses better with its like. */
function more<Name extends keyof typeof Screens>(name: Name) {
  type Props = Parameters<(typeof Screens)[Name]> extends [infer Own extends object] ? Own : object;
  return (props: Props & Attributes) => {
    const Shown = loaded.value?.[name] as FunctionComponent<Props> | undefined;
    if (Shown !== undefined) return createElement(Shown, props);
    loading ??= import('./more').then(
      (all) => void (loaded.value = all),
      () => void (isLost.value = true),
    );
    if (!isLost.value) return <Skeleton />;
    return (
      <Note kind="bad" action={{ word: 'Load it again', act: () => location.reload() }}>
        This screen could not be loaded. The service may be of another build by now.
      </Note>
    );
  };
}

export const Drawer = more('Drawer');
export const FirstStart = more('FirstStart');
export const History = more('History');
export const Jobs = more('Jobs');
export const KeyboardDialogs = more('KeyboardDialogs');
export const Keys = more('Keys');
export const Models = more('Models');
export const Playground = more('Playground');
export const Register = more('Register');
export const SignIn = more('SignIn');
export const Usage = more('Usage');
