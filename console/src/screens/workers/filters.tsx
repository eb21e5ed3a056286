import { useRef } from 'preact/hooks';
import { Icon } from '../../parts/icon';
import { Sql } from '../../parts/code';
import { useKeys } from '../../live/keys';
import { count } from '../../words/numbers';
import { STATE_WORDS, type StateName } from '../../words/states';
import type { Filters } from './worker-list';

interface FilterBarProps {
  readonly filters: Filters;
  readonly counts: Readonly<Record<string, number>>;
  readonly owners: readonly string[];
  /** Typing replaces the address, clicking adds one. */
  readonly onFilter: (part: Partial<Filters>, isTyped?: boolean) => void;
}

const QUERY = `SELECT model_name, name, req_url_template, admin_state, health, health_reason, health_since, max_concurrency
FROM worker_overview
WHERE admin_state <> 'offline'
ORDER BY model_name, health <> 'healthy' DESC, name;`;

export function FilterBar({ filters, counts, owners, onFilter }: FilterBarProps) {
  const box = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => box.current?.focus() });
  const states = (Object.keys(STATE_WORDS) as StateName[]).filter(
    (state) => (counts[state] ?? 0) > 0 || filters.state === state,
  );
  const all = Object.entries(counts).reduce((sum, [of, each]) => (of === 'offline' ? sum : sum + each), 0);
  return (
    <form
      class="filters"
      role="search"
      aria-label="Filter workers"
      onSubmit={(event) => event.preventDefault()}
    >
      <input
        ref={box}
        type="search"
        aria-label="Filter by name, URL or label"
        placeholder="Filter: name, URL, label"
        autocomplete="off"
        aria-keyshortcuts="/"
        value={filters.q}
        onInput={({ currentTarget }) => onFilter({ q: currentTarget.value }, true)}
      />
      <div class="chips" role="group" aria-label="State">
        <button
          type="button"
          class="chip"
          aria-pressed={filters.state === ''}
          onClick={() => onFilter({ state: '' })}
        >
          All <b>{count(all)}</b>
        </button>
        {states.map((state) => (
          <button
            key={state}
            type="button"
            class={`chip s-${state}`}
            aria-pressed={filters.state === state}
            onClick={() => onFilter({ state: filters.state === state ? '' : state })}
          >
            <Icon shape={state} kind="dot" />
            {STATE_WORDS[state]} <b>{count(counts[state] ?? 0)}</b>
          </button>
        ))}
      </div>
      <span class="grow" />
      {owners.length > 0 && (
        <select
          aria-label="Owner"
          value={filters.owner}
          onChange={({ currentTarget }) => onFilter({ owner: currentTarget.value })}
        >
          <option value="">Any owner</option>
          {owners.map((owner) => (
            <option key={owner} value={owner}>
              {owner}
            </option>
          ))}
        </select>
      )}
      <Sql title="The table below" text={QUERY} />
    </form>
  );
}
