const LINE = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': 1.6,
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const;
const CROSSED = (
  <>
    <rect x="1" y="1" width="14" height="14" rx="3" fill="currentColor" />
    <path d="m5 5 6 6m0-6-6 6" stroke="var(--panel)" stroke-width="2" stroke-linecap="round" />
  </>
);
const RING = <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="2" />;

/** Shapes of states; each differs from the others without its colour. */
const SHAPES = {
  healthy: <circle cx="8" cy="8" r="5.5" fill="currentColor" />,
  warming: (
    <>
      {RING}
      <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" />
    </>
  ),
  suspect: (
    <path
      d="M8 1.8 15 14H1z"
      fill="currentColor"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linejoin="round"
    />
  ),
  unhealthy: CROSSED,
  ejected: <path d="M5 3v10M11 3v10" stroke="currentColor" stroke-width="3.2" stroke-linecap="round" />,
  unknown: (
    <circle
      cx="8"
      cy="8"
      r="5.5"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-dasharray="2.6 2.2"
    />
  ),
  draining: <path d="M8 2v8m-4-3.5L8 10.5l4-4M3 14h10" {...LINE} stroke-width="2" />,
  off: (
    <>
      {RING}
      <path d="M4.5 11.5l7-7" stroke="currentColor" stroke-width="2" />
    </>
  ),
  offline: <path d="M3 8h10" {...LINE} stroke-width="2.4" />,
  running: <path d="M4 2.5v11l9-5.5z" fill="currentColor" />,
  waiting: <circle cx="8" cy="8" r="2.5" fill="currentColor" />,
  done: <path d="m2.5 8.5 3.5 4 7.5-8.5" {...LINE} stroke-width="2.4" />,
  failed: CROSSED,
  cancelled: <path d="m4 4 8 8m0-8-8 8" {...LINE} stroke-width="2" />,
  plus: <path d="M8 3v10M3 8h10" {...LINE} />,
  close: <path d="m4 4 8 8m0-8-8 8" {...LINE} />,
  theme: (
    <>
      <circle cx="8" cy="8" r="5.5" {...LINE} />
      <path d="M8 2.5a5.5 5.5 0 0 0 0 11z" fill="currentColor" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.5" {...LINE} />
      <path d="m10.5 10.5 3.5 3.5" {...LINE} />
    </>
  ),
  mark: (
    <g transform="scale(.8)">
      <path d="M3 4.5c5 0 5 5.5 10 5.5M3 10h10M3 15.5c5 0 5-5.5 10-5.5" {...LINE} />
      <circle cx="15.5" cy="10" r="2.8" fill="currentColor" />
    </g>
  ),
} as const;

export type Shape = keyof typeof SHAPES;

/** Never alone: a word beside it says the same. */
export function Icon({ shape, kind = 'i' }: { readonly shape: Shape; readonly kind?: 'i' | 'dot' }) {
  return (
    <svg class={kind} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[shape]}
    </svg>
  );
}
