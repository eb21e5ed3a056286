import { useState } from 'preact/hooks';
import type { Change } from '../live/feed';
import { type ApiProblem, asProblem, get } from './client';
import { useData } from './data';

interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface List<T> {
  readonly rows: readonly T[] | undefined;
  readonly problem: ApiProblem | null;
  /** `null`: all are shown. */
  readonly more: (() => void) | null;
  readonly reload: () => void;
}

const PAGE = 100;
/** The most that one request may list. */
const LARGEST_PAGE = 1_000;

/**
 * A list of the API, 100 rows and then 100 more; when a change concerns it, all that is shown is read again.
 * @param path with the filters, as a query
 */
export function useList<T>(path: string | null, concerns: (change: Change) => boolean): List<T> {
  const [limit, setLimit] = useState(PAGE);
  const [added, setAdded] = useState<(Page<T> & { readonly to: Page<T> }) | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const query = path === null ? null : `${path}${path.includes('?') ? '&' : '?'}limit=`;
  const first = useData<Page<T>>(query && query + limit, (change) => {
    const does = concerns(change);
    if (does && rows !== undefined && rows.length > limit) setLimit(Math.min(LARGEST_PAGE, rows.length));
    return does;
  });
  const { value, reload } = first;
  // What was added belongs to the reading that it was added to.
  const page = added !== null && added.to === value ? added : value;
  const rows = page === value ? value?.data : [...(value?.data ?? []), ...(page?.data ?? [])];
  const cursor = page?.next_cursor ?? null;

  const append = async (): Promise<void> => {
    if (value === undefined || cursor === null) return;
    try {
      const next = await get<Page<T>>(`${query}${PAGE}&cursor=${encodeURIComponent(cursor)}`);
      const before = page === value ? [] : (page?.data ?? []);
      setAdded({ to: value, data: [...before, ...next.data], next_cursor: next.next_cursor });
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  // A longer first page is not lost to a reading that is on its way.
  const more = (): void => {
    const shown = rows?.length ?? 0;
    if (shown < LARGEST_PAGE) setLimit(Math.min(LARGEST_PAGE, shown + PAGE));
    else void append();
  };
  return {
    rows,
    problem: first.problem ?? problem,
    more: cursor === null ? null : more,
    reload,
  };
}
