import { STATE_WORDS } from '../words/states';

/** Ten minutes a cell, the oldest first. */
const CELLS = 144;
const HEIGHT = 18;

/** Letter of the run-length text, class, height and word: trouble stands tall. */
const KINDS = {
  o: { height: 2, word: STATE_WORDS.off },
  h: { height: 5, word: STATE_WORDS.healthy },
  w: { height: 9, word: STATE_WORDS.warming },
  s: { height: 12, word: STATE_WORDS.suspect },
  u: { height: 18, word: STATE_WORDS.unhealthy },
} as const;
type Kind = keyof typeof KINDS;

interface Run {
  readonly kind: string;
  readonly from: number;
  readonly cells: number;
}

/** `h118 u3 h5`: where each run begins. What is left of them is not known. */
export function runsOf(strip: string): readonly Run[] {
  const runs = [...strip.matchAll(/([a-z])(\d+)/g)].map(([, kind = '', cells = '0']) => ({
    kind,
    cells: Number(cells),
  }));
  let from = CELLS - runs.reduce((sum, { cells }) => sum + cells, 0);
  return runs.map(({ kind, cells }) => {
    const run = { kind, from, cells };
    from += cells;
    return run;
  });
}

const isKind = (text: string): text is Kind => text in KINDS;

/** The last 24 hours of a worker: one path a state. */
export function Strip({ name, strip }: { readonly name: string; readonly strip: string | undefined }) {
  const runs = runsOf(strip ?? '');
  const shown = (Object.keys(KINDS) as Kind[]).map((kind) => {
    const own = runs.filter((run) => run.kind === kind);
    const { height } = KINDS[kind];
    return {
      kind,
      cells: own.reduce((sum, { cells }) => sum + cells, 0),
      path: own.map(({ from, cells }) => `M${from} ${HEIGHT}v-${height}h${cells}v${height}z`).join(''),
    };
  });
  const known = shown.filter(({ cells }) => cells > 0);
  const spelled = known
    .map(({ kind, cells }) => `${KINDS[kind].word.toLowerCase()} ${hours(cells)}`)
    .join(', ');
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${CELLS} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${name}, last 24 hours: ${spelled === '' ? 'nothing is known' : spelled}`}
    >
      <path class="base" d="M0 17.5H144" vector-effect="non-scaling-stroke" />
      {known.map(({ kind, path }) => isKind(kind) && <path key={kind} class={kind} d={path} />)}
    </svg>
  );
}

const hours = (cells: number): string =>
  cells < 6 ? `${cells * 10} min` : `${Math.round((cells / 6) * 10) / 10} h`;
