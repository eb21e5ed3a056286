import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem, asProblem, get, query } from '../../api/client';
import { type Reader, readerOf } from '../../api/reader';
import type { WholeWorker, Worker, WorkerPage } from '../../api/shapes';
import { type Change, onChange } from '../../live/feed';
import { apiState } from '../../words/states';

export interface Filters {
  readonly q: string;
  readonly state: string;
  readonly owner: string;
  readonly label: string;
  readonly sort: string;
}

export interface WorkerList {
  readonly rows: readonly Worker[] | undefined;
  readonly hasMore: boolean;
  readonly problem: ApiProblem | null;
  /** Rows that would stand elsewhere now; they stay while the pointer or the focus is in the table. */
  readonly moved: number;
  readonly more: () => void;
  readonly sortAgain: () => void;
  readonly reload: () => void;
  /** Shows a change of one row at once. */
  readonly put: (id: string, part: Partial<Worker>) => void;
}

const PAGE = 100;
/** The most that one request may list. */
const LARGEST_PAGE = 1_000;
/** So many changed rows are read one by one; more of them are read with the list. */
const FEW = 5;
const GATHER_MS = 150;
/** Figures are read again with every so manieth tick of the feed, which comes every 2 s. */
const TICKS = 5;

/** @param isHeld whether rows must stay where they are */
export function useWorkerList(filters: Filters, isHeld: () => boolean): WorkerList {
  const [rows, setRows] = useState<readonly Worker[]>();
  const [cursor, setCursor] = useState<string | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [sorted, setSorted] = useState<readonly string[]>([]);
  const known = useRef<readonly Worker[]>([]);
  known.current = rows ?? [];
  /** More rows than are shown, while these are read. */
  const wanted = useRef(PAGE);
  const reader = useRef<Reader | null>(null);
  const held = useRef(isHeld);
  held.current = isHeld;
  const { state, ...others } = filters;
  // Offline workers are history: they are shown when that is what is wanted.
  const shown =
    state === ''
      ? ['healthy', 'warming', 'suspect', 'unhealthy', 'ejected', 'unknown', 'draining', 'disabled']
      : [apiState(state)];
  const filter = `${query({ include: 'figures', ...others })}${shown.map((each) => `&state=${each}`).join('')}`;

  const put = useCallback(
    (id: string, part: Partial<Worker>) =>
      setRows((all) => all?.map((row) => (row.id === id ? merged(row, part) : row))),
    [],
  );

  useLayoutEffect(() => {
    const abort = new AbortController();
    let keepsOrder = false;
    const own = (reader.current = readerOf(async (signal) => {
      const limit = Math.min(LARGEST_PAGE, Math.max(wanted.current, known.current.length));
      try {
        const page = await get<WorkerPage>(`/api/v1/workers${filter}&limit=${limit}`, signal);
        if (signal.aborted) return;
        setRows(keepsOrder && held.current() ? inOrderOf(known.current, page.data) : page.data);
        setSorted(page.data.map(({ id }) => id));
        setCursor(page.next_cursor);
        setProblem(null);
        keepsOrder = true;
      } catch (error) {
        if (!signal.aborted) setProblem(asProblem(error));
      }
    }));
    wanted.current = PAGE;
    own.anew();
    const changed = new Set<string>();
    let isStale = false;
    let ticks = 0;
    let timer = 0;
    const follow = async (): Promise<void> => {
      timer = 0;
      const ids = [...changed];
      changed.clear();
      if (isStale || ids.length > FEW || ids.some((id) => !known.current.some((row) => row.id === id))) {
        isStale = false;
        own.again();
        return;
      }
      await Promise.all(
        ids.map(async (id) => {
          try {
            put(id, await get<WholeWorker>(`/api/v1/workers/${id}`, abort.signal));
          } catch (error) {
            if (error instanceof ApiProblem && error.status === 404)
              setRows((all) => all?.filter((row) => row.id !== id));
          }
        }),
      );
    };
    const stop = onChange(({ kind, id }: Change) => {
      if (kind === 'worker' && id !== null) changed.add(id);
      else if (kind === 'all' || kind === 'worker' || (kind === 'overview' && ++ticks % TICKS === 0))
        isStale = true;
      else return;
      timer ||= setTimeout(() => void follow(), GATHER_MS);
    });
    return () => {
      stop();
      abort.abort();
      own.stop();
      clearTimeout(timer);
    };
  }, [filter, put]);

  const append = async (): Promise<void> => {
    try {
      const page = await get<WorkerPage>(
        `/api/v1/workers${filter}&limit=${PAGE}&cursor=${encodeURIComponent(cursor ?? '')}`,
      );
      setRows((all) => [...(all ?? []), ...page.data]);
      setSorted((all) => [...all, ...page.data.map(({ id }) => id)]);
      setCursor(page.next_cursor);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const more = (): void => {
    const count = known.current.length;
    if (count >= LARGEST_PAGE) return void append();
    wanted.current = count + PAGE;
    reader.current?.anew();
  };

  return {
    rows,
    hasMore: cursor !== null,
    problem,
    moved: (rows ?? []).filter(({ id }, index) => sorted[index] !== undefined && sorted[index] !== id).length,
    more,
    sortAgain: () =>
      setRows((all) =>
        inOrderOf(
          sorted.map((id) => ({ id })),
          all ?? [],
        ),
      ),
    reload: () => reader.current?.anew(),
    put,
  };
}

/** An answer may have no figures, or only those that are not counted. */
function merged(row: Worker, part: Partial<Worker>): Worker {
  const all = { ...row, ...part };
  return row.figures === undefined ? all : { ...all, figures: { ...row.figures, ...part.figures } };
}

/** Items in the order of those that are known; new ones at the end. */
function inOrderOf(known: readonly { readonly id: string }[], items: readonly Worker[]): readonly Worker[] {
  const places = new Map(known.map(({ id }, index) => [id, index]));
  const place = ({ id }: Worker): number => places.get(id) ?? known.length;
  return items.toSorted((a, b) => place(a) - place(b));
}
