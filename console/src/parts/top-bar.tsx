import { useLocation } from '../live/location';
import { session, signOut } from '../api/session';
import { lostSince } from '../live/feed';
import { exactTime } from '../words/numbers';
import { SCREENS } from '../screens';
import { Icon } from './icon';
import { openPalette, openShortcuts } from './palette-state';
import { Mark, State } from './state';
import { ThemeButton } from './theme';

export function TopBar() {
  const { path } = useLocation();
  const { actor = '', role = '', protected_mode = false } = session.value ?? {};
  return (
    <header class="top">
      <a class="skip" href="#main">
        To the content
      </a>
      <a class="brand" href="/console/workers">
        <Icon shape="mark" />
        Multi-Model Manager
      </a>
      <nav class="tabs nav" aria-label="Screens">
        {SCREENS.filter(({ may }) => may.value).map(({ name, href }) => (
          <a
            key={href}
            href={href}
            aria-current={path.startsWith(href) ? 'page' : undefined}
            ref={path.startsWith(href) ? show : null}
          >
            {name}
          </a>
        ))}
      </nav>
      <div class="tools">
        <Live />
        <button type="button" class="btn plain" aria-label="Go to, Ctrl K" onClick={openPalette}>
          <Icon shape="search" />
          <kbd class="x2">Ctrl K</kbd>
        </button>
        <ThemeButton />
        <button type="button" class="btn plain" popovertarget="who">
          {actor}, {role}
        </button>
        <div popover="auto" id="who" role="dialog" aria-label="This session">
          <ul class="menu">
            <li>
              <button type="button" popovertarget="who" popovertargetaction="hide" onClick={openShortcuts}>
                Keyboard <span class="grow" />
                <kbd>?</kbd>
              </button>
            </li>
            <li>
              <a href="/docs" target="_self">
                API reference
              </a>
            </li>
            {!protected_mode && (
              <li>
                <button
                  type="button"
                  popovertarget="who"
                  popovertargetaction="hide"
                  onClick={() => void signOut()}
                >
                  Sign out
                </button>
              </li>
            )}
          </ul>
        </div>
      </div>
    </header>
  );
}

/** A narrow bar is scrolled to the current screen, with a part of the one before it. */
function show(link: HTMLElement | null): void {
  if (link?.parentElement) link.parentElement.scrollLeft = link.offsetLeft - 60;
}

function Live() {
  const lost = lostSince.value;
  return (
    <span class="live x2" title={lost === null ? undefined : exactTime(lost)}>
      {lost === null ? <Mark shape="healthy">Live</Mark> : <State state="offline" />}
    </span>
  );
}
