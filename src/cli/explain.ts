import { type Api, type Json, shown } from './api.js';
import { isTerminal, print, tableOf } from './output.js';
import { type Column, plain } from './table.js';

const COLUMNS: readonly Column<Json>[] = [
  {
    title: 'WORKER',
    value: ({ worker_id: id, worker_name: name }) => String(name === '' ? id : name),
    least: 12,
  },
  { title: 'CHANCE', value: ({ chance }) => shown(chance, '–'), align: 'right' },
  {
    title: 'RUNNING',
    value: ({ running, limit_here: limit }) => `${shown(running)}/${shown(limit)}`,
    align: 'right',
  },
  {
    title: 'WHY NOT',
    value: ({ why_not: why }) => shown(why),
    least: 24,
    optional: 1,
  },
];

/** Shows where a call of a model would go, and sends nothing to it. */
export async function explain(
  api: Api,
  model: string,
  words: readonly string[],
  { json }: { readonly json?: boolean },
): Promise<void> {
  const path = `/api/v1/models/${encodeURIComponent(model)}/explain`;
  const result = await api.json('POST', path, { input: words.join(' ') });
  if (json === true || !isTerminal()) return print(JSON.stringify(result, null, 2));
  const { class: its, outcome, reason, candidates, fallbacks } = result;
  print(plain(`${model}, ${String(its)}: ${String(outcome)}${reason === null ? '' : `, ${shown(reason)}`}`));
  print(tableOf(candidates as Json[], COLUMNS));
  for (const { model: next, outcome: how } of fallbacks as Json[])
    print(plain(`then ${String(next)}: ${String(how)}`));
}
