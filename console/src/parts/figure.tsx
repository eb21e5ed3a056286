import type { ComponentChildren } from 'preact';

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
  readonly note?: ComponentChildren;
  readonly title?: string;
  readonly line?: readonly (number | null)[] | undefined;
}

/** A number with its name, its note and how it went; inside of a `dl`. */
export function Figure({ name, value, unit = '', note, title, line }: FigureProps) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd class="v">
        {value} <span>{unit}</span>
      </dd>
      <dd class="n">{note}</dd>
      {line !== undefined && (
        <dd>
          <Spark values={line} />
        </dd>
      )}
    </div>
  );
}

const [WIDTH, HEIGHT] = [100, 28];

function Spark({ values }: { readonly values: readonly (number | null)[] }) {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const x = (index: number): string => ((index * WIDTH) / Math.max(1, values.length - 1)).toFixed(1);
  const points = values.map(
    (value, index) => `${x(index)} ${(HEIGHT - 2 - ((value ?? 0) / most) * (HEIGHT - 4)).toFixed(1)}`,
  );
  const path = points.join('L');
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={`M0 ${HEIGHT}L${path}L${WIDTH} ${HEIGHT}z`} />
      <path d={`M${path}`} />
    </svg>
  );
}
