import { computed, signal } from './signal';

/** Where the page is. Every screen, filter, drawer and tab has an address. */
export interface Here {
  readonly path: string;
  /** What follows /console/: the screen, and what is opened in it. */
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

const address = signal(location.href);
const here = computed<Here>(() => {
  const { pathname, searchParams } = new URL(address.value);
  return {
    path: pathname,
    parts: pathname.split('/').slice(2).filter(Boolean).map(decoded),
    query: Object.fromEntries(searchParams),
  };
});

const follow = (): void => {
  address.value = location.href;
};
addEventListener('popstate', follow);

/** @param isReplaced the way back leads past it, as with what is typed */
export function route(to: string, isReplaced = false): void {
  const [screen] = here.value.parts;
  history[isReplaced ? 'replaceState' : 'pushState'](null, '', to);
  follow();
  if (here.value.parts[0] !== screen) scrollTo(0, 0);
}

export const useLocation = () => ({ ...here.value, route });

/** Links to other screens need no page of their own, unless they are to be opened beside this one. */
addEventListener('click', (event) => {
  const { target, button, ctrlKey, metaKey, altKey, shiftKey } = event;
  const link =
    target instanceof Element ? target.closest<HTMLAnchorElement>('a[href^="/console"]:not([target])') : null;
  if (link === null || button !== 0 || ctrlKey || metaKey || altKey || shiftKey) return;
  event.preventDefault();
  route(link.href);
});

/** A part that is no text in percent-encoding stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
