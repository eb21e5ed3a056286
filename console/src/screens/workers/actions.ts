import { signal } from '../../live/signal';
import { explain, post } from '../../api/client';
import { nameOf, type Worker } from '../../api/shapes';
import { toast } from '../../parts/toast';
import type { WorkerList } from './worker-list';

export type Act = 'enable' | 'disable' | 'drain' | 'offline';

const BECOMES = { enable: 'enabled', disable: 'disabled', drain: 'draining', offline: 'offline' } as const;
const DONE = {
  enable: 'takes requests again',
  disable: 'is off',
  drain: 'is draining',
  offline: 'is offline',
} as const;
const BACK: Readonly<Record<Worker['admin_state'], Act>> = {
  enabled: 'enable',
  disabled: 'disable',
  draining: 'drain',
  offline: 'offline',
};

/** Why the last thing that was done to a worker failed, by its id. */
export const refused = signal<Readonly<Record<string, string>>>({});

type Put = (id: string, part: Partial<Worker>) => void;

/**
 * Switches at once and offers the way back; a refusal puts the row back, with the reason.
 * @param note why, for the history
 */
export async function change(worker: Worker, act: Act, put: Put, note = ''): Promise<void> {
  const { id, admin_state } = worker;
  put(id, { admin_state: BECOMES[act] });
  say(id, null);
  try {
    put(id, await post<Worker>(`/api/v1/workers/${id}/${act}`, noted(note)));
    const back = BACK[admin_state];
    toast(
      `${nameOf(worker)} ${DONE[act]}`,
      () => void change({ ...worker, admin_state: BECOMES[act] }, back, put),
    );
  } catch (error) {
    put(id, { admin_state });
    say(id, explain(error));
  }
}

export async function probe(worker: Worker, put: Put): Promise<void> {
  const { id } = worker;
  say(id, null);
  try {
    const probed = await post<Worker>(`/api/v1/workers/${id}/probe`);
    put(id, probed);
    toast(`${nameOf(worker)}: ${probed.health_reason}`);
  } catch (error) {
    say(id, explain(error));
  }
}

interface BulkAnswer {
  readonly data: readonly { readonly id: string; readonly ok: boolean; readonly problem: string | null }[];
}

export type Bulk = { readonly ids: readonly string[] } | { readonly model_name: string };

type BulkAct = Exclude<Act, 'offline'> | 'probe';

/**
 * Of many, some may be refused: the rows say which, and why.
 * @param was how they were, as far as they are listed: Undo leaves alone what did not change
 */
export async function changeMany(
  what: Bulk,
  act: BulkAct,
  { rows: was = [], put, reload }: Pick<WorkerList, 'rows' | 'put' | 'reload'>,
  note = '',
): Promise<void> {
  try {
    const sent = { ...what, do: act, ...noted(note) };
    const { data } = await post<BulkAnswer>('/api/v1/workers/bulk', sent);
    const done = data.filter(({ ok }) => ok).map(({ id }) => id);
    const failed = data.filter(({ ok }) => !ok);
    refused.value = {
      ...refused.value,
      ...Object.fromEntries(failed.map(({ id, problem }) => [id, problem ?? 'refused'])),
    };
    if (act !== 'probe') for (const id of done) put(id, { admin_state: BECOMES[act] });
    const text = `${done.length} of ${data.length}: ${act} is done${failed.length > 0 ? `, ${failed.length} refused` : ''}`;
    const backOf = (id: string): Act => {
      const before = was.find((row) => row.id === id)?.admin_state;
      return before === undefined ? (act === 'enable' ? 'disable' : 'enable') : BACK[before];
    };
    const undo = (): void => {
      for (const [back, ids] of Map.groupBy(done, backOf))
        if (back !== act && back !== 'offline') void changeMany({ ids }, back, { rows: [], put, reload });
    };
    toast(text, act === 'probe' ? undefined : undo);
    reload();
  } catch (error) {
    toast(explain(error));
  }
}

const noted = (note: string): object => (note.trim() === '' ? {} : { note: note.trim() });

function say(id: string, problem: string | null): void {
  const { [id]: _, ...others } = refused.value;
  refused.value = problem === null ? others : { ...others, [id]: problem };
}
