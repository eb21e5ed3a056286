import { signal } from './signal';

export interface Change {
  /** `all`: something may have been missed, so that everything is to be read again. */
  readonly kind: 'worker' | 'model' | 'key' | 'team' | 'job' | 'overview' | 'all';
  readonly id: string | null;
  readonly modelName: string | null;
}

type Listener = (change: Change) => void;

const PATH = '/api/v1/changes';
const KINDS = ['worker', 'model', 'key', 'team', 'job', 'overview'] as const;
const LONGEST_WAIT_MS = 30_000;
/** A leader that is silent for longer has gone: `overview` comes every 2 s. */
const SILENCE_MS = 10_000;
/** What a page reads first is shown before it is read again for what it missed until the feed was there. */
const FIRST_SHOWN_MS = 500;
const ALL = { kind: 'all', id: null, modelName: null } as const;

/** `null` while changes arrive; else since when they do not. */
export const lostSince = signal<number | null>(null);
export const nextTry = signal(0);

const listeners = new Set<Listener>();
const channel = new BroadcastChannel('mmm-changes');
let source: EventSource | null = null;
let timer = 0;
let failures = 0;
let hasOpened = false;
let heard = Date.now();

/** Says what has changed; the listener reads it by the API. Returns how to stop. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** One connection for all pages of the browser: the page that holds the lock reads, and passes on what it reads. */
export function startFeed(): void {
  channel.addEventListener('message', ({ data }: MessageEvent<Change | 'lost'>) => {
    if (data === 'lost') lose();
    else receive(data);
  });
  // Without TLS, other addresses than localhost have no locks: each page then reads for itself.
  if ('locks' in navigator)
    void navigator.locks.request('mmm-changes', () => {
      connect();
      return new Promise(() => {});
    });
  else connect();
  setInterval(() => {
    if (source === null && timer === 0 && Date.now() - heard > SILENCE_MS) lose();
  }, 1_000);
}

export function tryNow(): void {
  if (source !== null && source.readyState !== EventSource.CLOSED) return;
  clearTimeout(timer);
  connect();
}

function connect(): void {
  timer = 0;
  source?.close();
  const opened = (source = new EventSource(PATH));
  source.addEventListener('open', () => {
    failures = 0;
    if (hasOpened || lostSince.value !== null) announce(ALL);
    else setTimeout(() => opened.readyState === EventSource.OPEN && announce(ALL), FIRST_SHOWN_MS);
    hasOpened = true;
  });
  source.addEventListener('error', () => {
    source?.close();
    lose();
    channel.postMessage('lost');
    const wait = Math.min(1_000 * 2 ** failures++, LONGEST_WAIT_MS);
    nextTry.value = Date.now() + wait;
    timer = setTimeout(connect, wait);
  });
  for (const kind of KINDS)
    source.addEventListener(kind, ({ data }: MessageEvent<string>) => {
      const { id = null, model_name = null } = JSON.parse(data) as { id?: string; model_name?: string };
      announce({ kind, id, modelName: model_name });
    });
}

function announce(change: Change): void {
  channel.postMessage(change);
  receive(change);
}

function receive(change: Change): void {
  heard = Date.now();
  const wasLost = lostSince.value !== null;
  lostSince.value = null;
  const known = wasLost ? ALL : change;
  for (const listener of listeners) listener(known);
}

function lose(): void {
  lostSince.value ??= Date.now();
}
