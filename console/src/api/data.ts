import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Change, onChange } from '../live/feed';
import { type ApiProblem, asProblem, call } from './client';
import { type Reader, readerOf } from './reader';

export interface Data<T> {
  /** Stays while it is read again, also when that fails. */
  readonly value: T | undefined;
  readonly etag: string | null;
  readonly problem: ApiProblem | null;
  readonly isReading: boolean;
  readonly reload: () => void;
  /** Shows something else until it is read again. */
  readonly put: (value: T) => void;
}

/** So many changes in this time cause one reading. */
const GATHER_MS = 150;

/**
 * What the API answers at `path`, read again when a change concerns it.
 * @param path `null`: nothing is read
 */
export function useData<T>(
  path: string | null,
  concerns: (change: Change) => boolean = () => false,
): Data<T> {
  const [state, setState] = useState<Pick<Data<T>, 'value' | 'etag' | 'problem' | 'isReading'>>({
    value: undefined,
    etag: null,
    problem: null,
    isReading: path !== null,
  });
  const concerned = useRef(concerns);
  concerned.current = concerns;
  const reader = useRef<Reader | null>(null);

  // Before the next frame: the answer is on its way while that is made.
  useLayoutEffect(() => {
    if (path === null) return;
    const own = (reader.current = readerOf(async (signal) => {
      setState((was) => (was.isReading ? was : { ...was, isReading: true }));
      try {
        const { value, headers } = await call<T>('GET', path, { signal });
        if (!signal.aborted) setState({ value, etag: headers.get('etag'), problem: null, isReading: false });
      } catch (error) {
        if (!signal.aborted) setState((was) => ({ ...was, problem: asProblem(error), isReading: false }));
      }
    }));
    let timer = 0;
    own.anew();
    const stop = onChange((change) => {
      if (change.kind !== 'all' && !concerned.current(change)) return;
      timer ||= setTimeout(() => {
        timer = 0;
        own.again();
      }, GATHER_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
      own.stop();
      reader.current = null;
    };
  }, [path]);

  const reload = useCallback(() => reader.current?.anew(), []);
  const put = useCallback((value: T) => setState((was) => ({ ...was, value })), []);
  return { ...state, reload, put };
}
