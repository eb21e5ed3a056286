import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from 'preact-iso';
import { useEffect } from 'preact/hooks';
import { readSession, session, sessionProblem } from './api/session';
import { now } from './live/clock';
import { lostSince, nextTry, tryNow } from './live/feed';
import { useKeys } from './live/keys';
import { Note, Problem } from './parts/note';
import { openDialog, openPalette, openShortcuts } from './parts/palette-state';
import { Screen } from './parts/screen';
import { Toast, undoLast } from './parts/toast';
import { TopBar } from './parts/top-bar';
import { duration, timeOf } from './words/numbers';

const SignIn = lazy(() => import('./screens/sign-in'));
const Workers = lazy(() => import('./screens/workers/workers'));
const Playground = lazy(() => import('./screens/playground/playground'));
const Register = lazy(() => import('./screens/register/register'));
const Models = lazy(() => import('./screens/models/models'));
const Usage = lazy(() => import('./screens/usage/usage'));
const Jobs = lazy(() => import('./screens/jobs'));
const Keys = lazy(() => import('./screens/keys/keys'));
const History = lazy(() => import('./screens/history'));
const KeyboardDialogs = lazy(() => import('./parts/palette'));

export function App() {
  return (
    <LocationProvider scope="/console">
      <ErrorBoundary>
        <Page />
      </ErrorBoundary>
    </LocationProvider>
  );
}

function Page() {
  const isKnown = session.value !== undefined;
  useEffect(() => {
    if (session.value === undefined) void readSession();
  }, []);
  if (!isKnown)
    return (
      <main id="main">
        <Problem problem={sessionProblem.value} retry={() => void readSession()} />
      </main>
    );
  if (session.value === null) return <SignIn />;
  return (
    <>
      <TopBar />
      <GlobalKeys />
      <main id="main" tabIndex={-1}>
        <NotConnected />
        <Router>
          <Route path="/console/workers/:id?/:tab?" component={Workers} />
          <Route path="/console/playground" component={Playground} />
          <Route path="/console/register" component={Register} />
          <Route path="/console/models/:name?" component={Models} />
          <Route path="/console/usage" component={Usage} />
          <Route path="/console/jobs" component={Jobs} />
          <Route path="/console/keys/:id?/:name?" component={Keys} />
          <Route path="/console/history" component={History} />
          <Route path="/console" component={Home} />
          <Route default component={NoScreen} />
        </Router>
      </main>
      <Toast />
      {openDialog.value !== null && <KeyboardDialogs />}
    </>
  );
}

function GlobalKeys() {
  const { route } = useLocation();
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

function Home() {
  const { route } = useLocation();
  useEffect(() => route('/console/workers', true), []);
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
