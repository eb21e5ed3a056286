import './styles/base.css';
import './styles/controls.css';
import './styles/table.css';
import './styles/overlays.css';
import './styles/parts.css';
import './styles/narrow.css';
import { render } from 'preact';
import { App } from './app';
import { readSession, session } from './api/session';
import { startFeed } from './live/feed';

void readSession();
const root = document.querySelector('#app');
if (root !== null) render(<App />, root);

// A feed without a session would only be refused.
const stop = session.subscribe((value) => {
  if (value === undefined || value === null) return;
  startFeed();
  queueMicrotask(() => stop());
});
