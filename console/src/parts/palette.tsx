import { useState } from 'preact/hooks';
import { useLocation } from '../live/location';
import { type Schemas, query } from '../api/client';
import { useData } from '../api/data';
import { singleKeys } from '../live/keys';
import { SCREENS } from '../screens';
import { Dialog } from './dialog';
import { type Fact, Facts } from './facts';
import { Check } from './field';
import { closeDialog, openDialog } from './palette-state';

interface Place {
  readonly name: string;
  readonly kind: string;
  readonly href: string;
}

const MOST = 12;

export default function KeyboardDialogs() {
  if (openDialog.value === 'palette') return <Palette />;
  return openDialog.value === 'shortcuts' ? <Shortcuts /> : null;
}

/** Goes to a screen, a model or a worker by its name. */
function Palette() {
  const { route } = useLocation();
  const [text, setText] = useState('');
  const models = useData<Schemas['ModelListDto']>('/api/v1/models?limit=100');
  const workers = useData<Schemas['WorkerPageDto']>(
    text === '' ? null : `/api/v1/workers${query({ q: text, limit: MOST })}`,
  );
  const places: readonly Place[] = [
    ...SCREENS.filter(({ may }) => may.value).map(({ name, href }) => ({ name, kind: 'screen', href })),
    { name: 'Register a worker', kind: 'action', href: '/console/register' },
    ...(models.value?.data ?? []).map(({ name }) => ({
      name,
      kind: 'model',
      href: `/console/models/${encodeURIComponent(name)}`,
    })),
  ].filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
  const found = (text === '' ? [] : (workers.value?.data ?? [])).map(
    ({ id, name, model_name, req_url_template }) => ({
      name: name || req_url_template,
      kind: `worker of ${model_name}`,
      href: `/console/workers/${id}`,
    }),
  );
  const shown = [...places, ...found].slice(0, MOST);
  return (
    <Dialog label="Go to" id="palette" onClose={closeDialog}>
      <form
        onKeyDown={press}
        onSubmit={(event) => {
          event.preventDefault();
          const [first] = shown;
          if (first === undefined) return;
          closeDialog();
          route(first.href);
        }}
      >
        <input
          type="search"
          aria-label="Go to"
          placeholder="Go to a worker, a model, a screen"
          autoFocus
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <ul class="menu">
          {shown.map(({ name, kind, href }) => (
            <li key={href}>
              <a href={href} onClick={closeDialog}>
                <span class="grow">{name}</span>
                <span class="sub">{kind}</span>
              </a>
            </li>
          ))}
        </ul>
        {shown.length === 0 && <p class="sub">Nothing is called like that.</p>}
      </form>
    </Dialog>
  );
}

/** Arrows go through the field and the places. */
function press(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('input, a')];
  const at = stops.findIndex((each) => each === document.activeElement);
  stops[(at + step + stops.length) % stops.length]?.focus();
  event.preventDefault();
}

const KEYS = [
  ['Go to anything', 'Ctrl K or ⌘ K'],
  ['Filter the list', '/'],
  ['Register a worker', 'n'],
  ['Next, previous row', 'j k'],
  ['Open, close', 'Enter Esc'],
  ['Switch the row on or off', 'o'],
  ['Probe the row', 'p'],
  ['Undo the last switch', 'z'],
  ['This list', '?'],
] as const;

function Shortcuts() {
  return (
    <Dialog label="Keyboard" onClose={closeDialog}>
      <div>
        <h2>Keyboard</h2>
        <Facts facts={KEYS.map(([what, keys]): Fact => [what, <kbd key={keys}>{keys}</kbd>])} />
        <Check
          label="Single letters work while no field has the focus"
          isOn={singleKeys.value}
          onSwitch={(to) => (singleKeys.value = to)}
        />
        <div class="row">
          <span class="grow" />
          <button type="button" class="btn" onClick={closeDialog}>
            Close
          </button>
        </div>
      </div>
    </Dialog>
  );
}
