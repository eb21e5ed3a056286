import type { FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import { readSession, session, sessionProblem } from './api/session';
import { now } from './live/clock';
import { lostSince, nextTry, tryNow } from './live/feed';
import { useKeys } from './live/keys';
import { route, useLocation } from './live/location';
import {
  History,
  Jobs,
  KeyboardDialogs,
  Keys,
  Models,
  Playground,
  Register,
  SignIn,
  Usage,
} from './screens/lazy';
import { Note, Problem } from './parts/note';
import { openDialog, openPalette, openShortcuts } from './parts/palette-state';
import { Screen } from './parts/screen';
import { Toast, undoLast } from './parts/toast';
import { TopBar } from './parts/top-bar';
import Workers from './screens/workers/workers';
import { duration, timeOf } from './words/numbers';

/** By the first part of the address. */
const SCREENS: Readonly<Record<string, FunctionComponent>> = {
  workers: Workers,
  playground: Playground,
  register: Register,
  models: Models,
  usage: Usage,
  jobs: Jobs,
  keys: Keys,
  history: History,
};

export function App() {
  const [screen = ''] = useLocation().parts;
  const isKnown = session.value !== undefined;
  useEffect(() => {
    if (screen === '') route('/console/workers', true);
  }, []);
  if (!isKnown)
    return (
      <main id="main">
        <Problem problem={sessionProblem.value} retry={() => void readSession()} />
      </main>
    );
  if (session.value === null) return <SignIn />;
  const Shown = SCREENS[screen] ?? NoScreen;
  return (
    <>
      <TopBar />
      <GlobalKeys />
      <main id="main" tabIndex={-1}>
        <NotConnected />
        <Shown />
      </main>
      <Toast />
      {openDialog.value !== null && <KeyboardDialogs />}
    </>
  );
}

function GlobalKeys() {
  useKeys({ '?': openShortcuts, z: undoLast, n: () => route('/console/register') });
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      openPalette();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  return null;
}

function NotConnected() {
  const since = lostSince.value;
  if (since === null) return null;
  const wait = nextTry.value - now.value;
  return (
    <Note kind="warn" action={{ word: 'Try now', act: tryNow }}>
      <b>Not connected since {timeOf(since)}.</b> What is shown is of then.{' '}
      {wait > 0 && <>The next try is in {duration(wait)}.</>}
    </Note>
  );
}

function NoScreen() {
  return (
    <Screen title="There is no such screen">
      <p>
        <a href="/console/workers">Workers</a>
      </p>
    </Screen>
  );
}
