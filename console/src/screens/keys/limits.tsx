import type { Schemas } from '../../api/client';
import { type Values, valueOf } from '../../api/edit';
import { Bar } from '../../parts/bar';
import type { Box } from '../../parts/form';
import type { JsonObject } from '../../words/json';
import { compact, count } from '../../words/numbers';

export type Key = Schemas['KeyDto'];
export type Team = Schemas['TeamDto'];
export type Limits = Schemas['ShownLimitsDto'];

export const ROLES = [
  ['inference', 'inference: calls models'],
  ['viewer', 'viewer: reads all, changes nothing'],
  ['registrar', 'registrar: its own workers'],
  ['operator', 'operator: workers, policies, jobs'],
  ['admin', 'admin: everything'],
] as const;

/** What one key or team has used this month; of two currencies, the sum says nothing. */
export interface Used {
  readonly requests: number;
  readonly tokens: number;
  readonly costs: readonly (readonly [currency: string, cost: number])[];
}

const none = 'no limit';
export const LIMIT_BOXES: readonly Box[] = [
  { name: 'limits.requests_per_minute', label: 'Requests a minute', type: 'number', placeholder: none },
  { name: 'limits.tokens_per_minute', label: 'Tokens a minute', type: 'number', placeholder: none },
  { name: 'limits.max_concurrent', label: 'At once', type: 'number', placeholder: none },
  { name: 'limits.tokens_per_month', label: 'Tokens a month', type: 'number', placeholder: none },
  { name: 'limits.cost_per_month', label: 'Cost a month', type: 'number', placeholder: none },
  { name: 'limits.cost_currency', label: 'Currency of the cost', placeholder: 'any', hint: 'such as EUR' },
];

export const limitValues = (limits: Limits): Values =>
  Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [`limits.${name}`, value === null ? '' : String(value)]),
  );

/** Fields of `limits` are numbers; `models` is a list. */
export const fieldOf = (name: string, text: string): JsonObject[string] => {
  const list = text.split(/[\s,]+/).filter((each) => each !== '');
  if (name === 'models') return list.length === 0 ? null : list;
  return valueOf(
    text.trim(),
    name === 'weight' || (name.startsWith('limits.') && name !== 'limits.cost_currency'),
  );
};

export function LimitWords({ limits }: { readonly limits: Limits }) {
  const {
    requests_per_minute,
    tokens_per_minute,
    max_concurrent,
    tokens_per_month,
    cost_per_month,
    cost_currency,
  } = limits;
  const words = [
    [requests_per_minute, 'requests/min'],
    [tokens_per_minute, 'tokens/min'],
    [max_concurrent, 'at once'],
    [tokens_per_month, 'tokens a month'],
    [cost_per_month, `${cost_currency === null ? '' : `${cost_currency} `}of cost a month`],
  ] as const;
  const set = words.filter(([value]) => value !== null);
  if (set.length === 0) return <span class="sub">no limit</span>;
  return <>{set.map(([value, unit]) => `${compact(value ?? 0)} ${unit}`).join(', ')}</>;
}

/** This month, beside the limit of the month where there is one. */
export function UsedWords({ used, limits }: { readonly used: Used | undefined; readonly limits: Limits }) {
  const { tokens_per_month, cost_per_month, cost_currency } = limits;
  const { requests = 0, tokens = 0, costs = [] } = used ?? {};
  const counted = costs.filter(([currency]) => cost_currency === null || currency === cost_currency);
  const cost = counted.reduce((sum, [, each]) => sum + each, 0);
  const spent = costs.map(([currency, each]) => money(each, currency)).join(' + ');
  const title = `${count(tokens)} tokens, ${count(requests)} requests${spent === '' ? '' : `, ${spent}`}`;
  const [text, share] =
    cost_per_month !== null
      ? [`${spent || '0'} of ${count(cost_per_month)}`, cost / cost_per_month]
      : tokens_per_month !== null
        ? [`${compact(tokens)} of ${compact(tokens_per_month)} tokens`, tokens / tokens_per_month]
        : [
            requests === 0
              ? '–'
              : tokens === 0
                ? `${compact(requests)} requests`
                : `${compact(tokens)} tokens`,
            null,
          ];
  return (
    <span title={title}>
      {text}
      {share !== null && <Bar share={share} />}
    </span>
  );
}

export const money = (cost: number, currency: string | null): string =>
  `${cost.toLocaleString('en', { maximumFractionDigits: cost < 10 ? 4 : 2 })} ${currency ?? ''}`.trim();
