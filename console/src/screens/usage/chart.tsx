import { compact, count } from '../../words/numbers';
import type { Sums } from './sums';

export interface Column {
  readonly bucket: string;
  readonly sums: Sums;
}

const HEIGHT = 150;
const WIDTH = 1_000;

/** Tokens in and out, a column an hour or a day. The table by hour or day says the same, so this is for the eye alone. */
export function Chart({
  columns,
  wordOf,
}: {
  readonly columns: readonly Column[];
  readonly wordOf: (bucket: string) => string;
}) {
  const top = niceTop(Math.max(1, ...columns.map(({ sums }) => sums.input + sums.output)));
  const step = WIDTH / columns.length;
  const wide = step * 0.6;
  const bar = (index: number, from: number, to: number): string =>
    `M${(index * step + (step - wide) / 2).toFixed(1)} ${(HEIGHT * (1 - from / top)).toFixed(1)}h${wide.toFixed(1)}V${(HEIGHT * (1 - to / top)).toFixed(1)}h-${wide.toFixed(1)}z`;
  const marks = columns.filter((_, index) => index % Math.ceil(columns.length / 5) === 0);
  return (
    <div class="pad" aria-hidden="true">
      <div class="sub small">{compact(top)}</div>
      <svg class="cols" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
        <path class="rule" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        {columns.map(({ bucket, sums: { input, output, requests } }, index) => (
          <g key={bucket}>
            <title>{`${wordOf(bucket)}: ${count(input)} tokens in, ${count(output)} out, ${count(requests)} requests`}</title>
            {/* The whole column is what the pointer meets. */}
            <path class="hit" d={`M${index * step} 0h${step}V${HEIGHT}h-${step}z`} />
            <path class="in" d={bar(index, output, output + input)} />
            <path class="out" d={bar(index, 0, output)} />
          </g>
        ))}
      </svg>
      <div class="axis">
        {marks.map(({ bucket }) => (
          <span key={bucket}>{wordOf(bucket)}</span>
        ))}
        <span />
      </div>
    </div>
  );
}

/** The next 1, 2 or 5 with zeros. */
function niceTop(most: number): number {
  const unit = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((each) => each * unit >= most) ?? 10) * unit;
}
