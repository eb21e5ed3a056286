import { useLocation } from '../../live/location';
import { useMemo } from 'preact/hooks';
import { query, type Schemas } from '../../api/client';
import { useData } from '../../api/data';
import { useList } from '../../api/list';
import { isAdmin, mayReadKeys } from '../../api/session';
import { Choice, Search, Select } from '../../parts/choice';
import { Sql } from '../../parts/code';
import type { Option } from '../../parts/field';
import { Icon } from '../../parts/icon';
import { Screen } from '../../parts/screen';
import { type Column, ListPanel, Table } from '../../parts/table';
import { exactTime, timeOf } from '../../words/numbers';
import { KeyActions } from './key-actions';
import { KeyDialog, TeamDialog } from './dialogs';
import { type Key, LimitWords, ROLES, type Team, type Used, UsedWords } from './limits';

const VIEWS = [
  ['', 'Keys'],
  ['teams', 'Teams'],
] as const;

/** Which clients may come in, and how much they may use: keys, and the limits that keys of a team share. */
export default function Keys() {
  const { route, query: chosen, parts } = useLocation();
  const isTeams = parts[1] === 'teams' || !mayReadKeys.value;
  const opened = parts[isTeams ? 2 : 1];
  const { role = '', team = '', revoked = '' } = chosen;
  const go = (part: Readonly<Record<string, string>>): void =>
    route(`/console/keys${query({ role, team, revoked, ...part })}`);
  const close = (): void => route(`/console/keys${isTeams ? '/teams' : ''}${location.search}`);
  const keys = useList<Key>(
    isTeams ? null : `/api/v1/keys${query({ role, team, revoked })}`,
    ({ kind }) => kind === 'key',
  );
  const teams = useData<Schemas['TeamListDto']>(
    isTeams ? '/api/v1/teams' : null,
    ({ kind }) => kind === 'team',
  );
  const used = useUsed(isTeams ? 'team' : 'key');
  const word = isTeams ? 'team' : 'key';
  return (
    <Screen
      title="Keys"
      windowTitle={isTeams ? 'Teams' : 'Keys'}
      beside={
        <>
          {mayReadKeys.value && (
            <Choice
              label="View"
              kind="seg"
              options={VIEWS}
              value={isTeams ? 'teams' : ''}
              onPick={(to) => route(`/console/keys${to === '' ? '' : '/teams'}`)}
            />
          )}
          <p>
            {isTeams
              ? 'Limits that all keys of a team share'
              : 'Which clients may come in, and how much they may use'}
          </p>
          <span class="grow" />
          <Sql title={`The ${word}s`} text={isTeams ? TEAM_QUERY : KEY_QUERY} />
          {isAdmin.value && (
            <button
              type="button"
              class="btn main"
              onClick={() => route(`/console/keys/${isTeams ? 'teams/' : ''}new`)}
            >
              <Icon shape="plus" />
              New {word}
            </button>
          )}
        </>
      }
    >
      {!isTeams && (
        <div class="filters" role="search" aria-label="Filter keys">
          <Search label="Team" value={team} onPick={(to) => go({ team: to })} />
          <Select
            label="Role"
            value={role}
            options={[['', 'Any role'], ...ROLES.map(([each]): Option => [each, each])]}
            onPick={(to) => go({ role: to })}
          />
          <button
            type="button"
            class="chip"
            aria-pressed={revoked === 'true'}
            onClick={() => go({ revoked: revoked === 'true' ? '' : 'true' })}
          >
            With revoked ones
          </button>
        </div>
      )}
      {isTeams ? (
        <ListPanel
          list={{ rows: teams.value?.data, problem: teams.problem, reload: teams.reload, more: null }}
          empty="No team has limits. Keys of a team share the limits that are set here."
        >
          {(rows) => (
            <Table caption="Teams" columns={teamColumns(used)} rows={rows} keyOf={({ name }) => name} />
          )}
        </ListPanel>
      ) : (
        <ListPanel
          list={keys}
          empty={
            role + team === ''
              ? 'There is no key. Clients use ADMIN_API_KEY, or none in protected mode.'
              : 'No key is like that.'
          }
        >
          {(rows) => (
            <Table
              caption="Keys"
              columns={keyColumns(used, keys.reload)}
              rows={rows}
              keyOf={({ id }) => id}
            />
          )}
        </ListPanel>
      )}
      {opened !== undefined &&
        (isTeams ? (
          <TeamDialog key={opened} name={opened} onClose={close} onChanged={teams.reload} />
        ) : (
          <KeyDialog key={opened} id={opened} onClose={close} onChanged={keys.reload} />
        ))}
    </Screen>
  );
}

/** Usage of this month, by the id of the key or the name of the team. */
function useUsed(by: 'key' | 'team'): ReadonlyMap<string, Used> {
  const { value } = useData<Schemas['UsagePageDto']>(`/api/v1/usage?group_by=${by}&limit=10000`);
  return useMemo(() => {
    const found = new Map<string, Used>();
    for (const { key_id, team, requests, input_tokens, output_tokens, cost, currency } of value?.data ?? []) {
      const name = (by === 'key' ? key_id : team) ?? '';
      const was = found.get(name) ?? { requests: 0, tokens: 0, costs: [] };
      found.set(name, {
        requests: was.requests + requests,
        tokens: was.tokens + input_tokens + output_tokens,
        costs: cost === null || currency === null ? was.costs : [...was.costs, [currency, cost]],
      });
    }
    return found;
  }, [value, by]);
}

function Time({ at, none }: { readonly at: string | null; readonly none: string }) {
  if (at === null) return <span class="sub">{none}</span>;
  return (
    <time dateTime={at} title={exactTime(at)}>
      {timeOf(at)}
    </time>
  );
}

function keyColumns(used: ReadonlyMap<string, Used>, reload: () => void): readonly Column<Key>[] {
  return [
    {
      name: 'Key',
      cell: ({ id, name, prefix, disabled, disabled_reason, revoked_at }) => (
        <>
          <a class="name" href={`/console/keys/${id}${location.search}`}>
            {name}
          </a>{' '}
          {revoked_at !== null && <span class="tag">revoked</span>}
          {disabled && (
            <span class="tag" title={disabled_reason ?? undefined}>
              disabled
            </span>
          )}
          <br />
          <code class="sub">{prefix === '' ? 'made in SQL' : `${prefix}…`}</code>
        </>
      ),
    },
    { name: 'Role', cell: ({ role }) => role },
    { name: 'Team', cell: ({ team }) => team ?? <span class="sub">none</span> },
    {
      name: 'Models',
      cell: ({ models, role }) =>
        role === 'registrar' || role === 'viewer' ? (
          <span class="sub">calls none</span>
        ) : (
          (models?.join(', ') ?? 'all')
        ),
    },
    { name: 'Limits', cell: ({ limits }) => <LimitWords limits={limits} /> },
    { name: 'This month', cell: ({ id, limits }) => <UsedWords used={used.get(id)} limits={limits} /> },
    { name: 'Last used', kind: 'num', cell: ({ last_used_at }) => <Time at={last_used_at} none="never" /> },
    { name: 'Expires', kind: 'num', cell: ({ expires_at }) => <Time at={expires_at} none="never" /> },
    {
      name: '.Actions',
      kind: 'num wide',
      cell: (key) => isAdmin.value && key.revoked_at === null && <KeyActions of={key} onChanged={reload} />,
    },
  ];
}

function teamColumns(used: ReadonlyMap<string, Used>): readonly Column<Team>[] {
  return [
    {
      name: 'Team',
      cell: ({ name }) => (
        <a class="name" href={`/console/keys/teams/${encodeURIComponent(name)}`}>
          {name}
        </a>
      ),
    },
    { name: 'Limits of all its keys together', cell: ({ limits }) => <LimitWords limits={limits} /> },
    { name: 'This month', cell: ({ name, limits }) => <UsedWords used={used.get(name)} limits={limits} /> },
    { name: 'Changed', kind: 'num', cell: ({ updated_at }) => <Time at={updated_at} none="" /> },
    { name: 'By', kind: 'num', cell: ({ updated_by }) => updated_by },
    {
      name: '.Keys',
      kind: 'num wide',
      cell: ({ name }) =>
        mayReadKeys.value && (
          <a
            class="btn tiny"
            aria-label={`Keys of ${name}`}
            href={`/console/keys?team=${encodeURIComponent(name)}`}
          >
            Keys
          </a>
        ),
    },
  ];
}

const KEY_QUERY = `SELECT name, role, team, models, last_used_at, expires_at, disabled, revoked_at
FROM api_key
WHERE revoked_at IS NULL
ORDER BY name;`;
const TEAM_QUERY = 'SELECT * FROM team ORDER BY name;';
