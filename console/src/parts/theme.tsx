import { signal } from '../live/signal';
import { Icon } from './icon';

const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const STORED = 'mmm-theme';

const theme = signal<Theme>(THEMES.find((each) => each === localStorage.getItem(STORED)) ?? 'system');

theme.subscribe((chosen) => {
  const { dataset } = document.documentElement;
  if (chosen === 'system') delete dataset['theme'];
  else dataset['theme'] = chosen;
  localStorage.setItem(STORED, chosen);
});

export function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
  const name = `Theme: ${theme.value}`;
  return (
    <button
      type="button"
      class="btn plain icon"
      aria-label={name}
      title={name}
      onClick={() => (theme.value = next)}
    >
      <Icon shape="theme" />
    </button>
  );
}
