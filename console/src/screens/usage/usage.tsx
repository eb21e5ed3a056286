import './usage.css';
import { useLocation } from '../../live/location';
import { useMemo } from 'preact/hooks';
import { query, type Schemas } from '../../api/client';
import { useData } from '../../api/data';
import { useList } from '../../api/list';
import { now } from '../../live/clock';
import { Bar } from '../../parts/bar';
import { Choice, Select } from '../../parts/choice';
import { Sql } from '../../parts/code';
import type { Option } from '../../parts/field';
import { Figure } from '../../parts/figure';
import { Problem } from '../../parts/note';
import { Screen, Skeleton } from '../../parts/screen';
import { type Column, ListPanel, Table } from '../../parts/table';
import { compact, count, dayAndMonth, percent } from '../../words/numbers';
import { money } from '../keys/limits';
import { Chart } from './chart';
import { bucketsOf, RANGES, rangeOf, sumOf, type Sums, type UsageRow } from './sums';

const BY = [
  ['model', 'By model'],
  ['key', 'By key'],
  ['team', 'By team'],
  ['day', 'By day'],
] as const;
type By = (typeof BY)[number][0];

/** What was used, when, by which key and of which model. */
export default function Usage() {
  const { query: chosen, route } = useLocation();
  const { model = '', key = '', team = '' } = chosen;
  const range = rangeOf(chosen['since'] ?? '');
  const by: By = BY.find(([each]) => each === chosen['by'])?.[0] ?? 'model';
  const isHours = range === '24h';
  // Read anew when an hour begins.
  const hour = Math.floor(now.value / 3_600_000);
  const buckets = useMemo(() => bucketsOf(range, Date.now()), [range, hour]);
  const from = `${buckets[0]}${isHours ? 'Z' : ''}`;
  const filters = { from, model, key, team };
  const unit = isHours ? 'hour' : 'day';
  const path = `/api/v1/usage${query({ ...filters, group_by: unit, limit: 1_000 })}`;
  const whole = useData<Schemas['UsagePageDto']>(path);
  const group = by === 'day' ? unit : by;
  const table = `/api/v1/usage${query({ ...filters, group_by: group })}`;
  const list = useList<UsageRow>(table, () => false);
  const models = useData<Schemas['UsagePageDto']>(
    `/api/v1/usage${query({ from, group_by: 'model', limit: 1_000 })}`,
  );

  const rows = whole.value?.data;
  const total = useMemo(() => sumOf(rows ?? []), [rows]);
  const columns = useMemo(() => {
    const found = Map.groupBy(rows ?? [], (row) => bucketOf(row, isHours));
    return buckets.map((bucket) => ({ bucket, sums: sumOf(found.get(bucket) ?? []) }));
  }, [rows, buckets]);
  const wordOf = (bucket: string): string => (isHours ? `${bucket.slice(11, 16)} UTC` : dayAndMonth(bucket));
  const go = (part: Readonly<Record<string, string>>): void =>
    route(`/console/usage${query({ since: range, by, model, key, team, ...part })}`);
  const only = [...new Set([model, ...(models.value?.data ?? []).map((row) => row.model ?? '')])].filter(
    (each) => each !== '',
  );
  const tokens = total.input + total.output;
  const costs = costsOf(total);
  return (
    <Screen
      title="Usage"
      beside={
        <>
          <Choice label="Range" kind="seg" options={RANGES} value={range} onPick={(since) => go({ since })} />
          {(key !== '' || team !== '') && (
            <button type="button" class="chip" aria-pressed onClick={() => go({ key: '', team: '' })}>
              Only {key === '' ? `team ${team}` : key} ×
            </button>
          )}
          <span class="grow" />
          <Sql title={`Usage by ${group}`} text={sqlOf(group, from)} />
          <a class="btn" href={`${table}&format=csv&limit=10000`} download>
            CSV
          </a>
        </>
      }
    >
      <Problem problem={whole.problem} retry={whole.reload} />
      {rows === undefined && whole.problem === null && <Skeleton />}
      {rows !== undefined && (
        <>
          <dl class="panel figures five">
            <Figure
              name="Requests"
              value={compact(total.requests)}
              note={`of ${RANGES.find(([each]) => each === range)?.[1]}`}
              title={`${count(total.requests)} requests`}
            />
            <Figure
              name="Tokens in"
              value={compact(total.input)}
              note={
                total.cached === 0
                  ? 'none from a cache'
                  : `${percent(total.cached / total.input)} from a cache`
              }
              title={`${count(total.input)} tokens in, ${count(total.cached)} of these from a cache`}
            />
            <Figure
              name="Tokens out"
              value={compact(total.output)}
              note={total.estimated > 0 && `${percent(total.estimated / tokens)} are estimated`}
              title={`${count(total.output)} tokens out; of in and out, ${count(total.estimated)} are estimated`}
            />
            <Figure
              name="Failed"
              value={percent(total.requests === 0 ? 0 : total.failed / total.requests)}
              note={`${count(total.failed)} requests`}
              title={`${count(total.failed)} of ${count(total.requests)} requests`}
            />
            <Figure
              name="Cost"
              value={costs[0] ?? 'not priced'}
              note={[...costs.slice(1), 'priced models only'].join(', ')}
              title={costs.join(' + ') || 'no model of these has a price'}
            />
          </dl>
          <section class="panel" aria-labelledby="tokens">
            <header>
              <h2 id="tokens">Tokens {isHours ? 'an hour' : 'a day'}</h2>
              <span class="grow" />
              <span class="sub small row">
                <i class="swatch in" /> in <i class="swatch" /> out
              </span>
            </header>
            <Chart columns={columns} wordOf={wordOf} />
          </section>
        </>
      )}
      <div class="row">
        <Choice
          label="Table"
          kind="seg"
          options={BY.map(([each, word]) => [each, each === 'day' && isHours ? 'By hour' : word])}
          value={by}
          onPick={(to) => go({ by: to })}
        />
        <span class="grow" />
        <div class="filters">
          <Select
            label="Only the model"
            value={model}
            options={[['', 'All models'], ...only.map((each): Option => [each, each])]}
            onPick={(to) => go({ model: to })}
          />
        </div>
      </div>
      <ListPanel list={list} empty="Nothing was used in this time.">
        {(those) => (
          <Table
            caption={`Usage by ${group}`}
            columns={columnsOf(by, tokens, (row) => wordOf(bucketOf(row, isHours)))}
            rows={those}
            keyOf={(row) =>
              `${row.model ?? ''} ${row.key_id ?? row.key ?? ''} ${row.team ?? ''} ${row.hour ?? row.day ?? ''} ${row.currency}`
            }
          />
        )}
      </ListPanel>
    </Screen>
  );
}

const bucketOf = ({ hour = '', day = '' }: UsageRow, isHours: boolean): string =>
  isHours ? hour.slice(0, 19) : day;

/** The largest first. */
const costsOf = ({ costs }: Sums): readonly string[] =>
  Object.entries(costs)
    .toSorted(([, a], [, b]) => b - a)
    .map(([currency, cost]) => money(cost, currency));

const number = (name: string, valueOf: (sums: Sums) => number): Column<UsageRow> => ({
  name,
  kind: 'num',
  cell: (row) => {
    const value = valueOf(sumOf([row]));
    const estimated = name.startsWith('Tokens') ? row.estimated_tokens : 0;
    return (
      <span
        title={count(value) + (estimated > 0 ? `; of in and out, ${count(estimated)} are estimated` : '')}
      >
        {estimated > 0 && '≈ '}
        {compact(value)}
      </span>
    );
  },
});

function columnsOf(by: By, tokens: number, bucket: (row: UsageRow) => string): readonly Column<UsageRow>[] {
  const names: Readonly<Record<By, (row: UsageRow) => string | null | undefined>> = {
    model: (row) => row.model,
    key: (row) => row.key,
    team: (row) => row.team,
    day: bucket,
  };
  return [
    {
      name: by.charAt(0).toUpperCase() + by.slice(1),
      cell: (row) => <Name by={by} name={names[by](row) ?? null} />,
    },
    {
      name: 'Share of the tokens',
      cell: ({ input_tokens, output_tokens }) => {
        const share = tokens === 0 ? 0 : (input_tokens + output_tokens) / tokens;
        return (
          <div class="share">
            {percent(share)}
            <Bar share={share} isShare />
          </div>
        );
      },
    },
    number('Requests', ({ requests }) => requests),
    number('Tokens in', ({ input }) => input),
    number('Tokens out', ({ output }) => output),
    {
      name: 'Failed',
      kind: 'num',
      cell: (row) => {
        const { failed, requests } = sumOf([row]);
        return (
          <span title={`${count(failed)} of ${count(requests)}`}>
            {percent(requests === 0 ? 0 : failed / requests)}
          </span>
        );
      },
    },
    {
      name: 'Cost',
      kind: 'num',
      cell: ({ cost, currency }) =>
        cost === null ? (
          <span class="sub">not priced</span>
        ) : (
          <span title={`${cost} ${currency}`}>{money(cost, currency)}</span>
        ),
    },
  ];
}

function Name({ by, name }: { readonly by: By; readonly name: string | null }) {
  if (name === null) return <span class="sub">{by === 'team' ? 'no team' : 'no registered model'}</span>;
  if (by === 'model') return <a href={`/console/models/${encodeURIComponent(name)}`}>{name}</a>;
  return by === 'day' ? <>{name}</> : <a href={`/console/usage${query({ [by]: name })}`}>{name}</a>;
}

const COLUMN: Readonly<Record<string, string>> = { key: 'key_name' };

const sqlOf = (group: string, from: string): string =>
  `SELECT ${COLUMN[group] ?? group}, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost)
FROM ${group === 'hour' ? 'usage_hourly' : 'usage_daily'}
WHERE ${group === 'hour' ? 'hour' : 'day'} >= '${from}'
GROUP BY 1 ORDER BY 2 DESC;`;
