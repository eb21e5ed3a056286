export type Colour = readonly [red: number, green: number, blue: number];
type Point = readonly [x: number, y: number];

/** A shape in one colour, or in one that changes to another further down. Coordinates go from 0 to 1 down the picture. */
export interface Brush {
  readonly colour: Colour;
  readonly below?: Colour;
  /** How far a point is inside; below 0 it is outside. */
  readonly depth: (x: number, y: number) => number;
  /** Nothing is painted outside of it. */
  readonly box: {
    readonly left: number;
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
  };
}

export const circle = (colour: Colour, x0: number, y0: number, radius: number): Brush => ({
  colour,
  depth: (x, y) => radius - Math.hypot(x - x0, y - y0),
  box: around(x0, y0, radius, radius),
});

export const ellipse = (colour: Colour, x0: number, y0: number, a: number, b: number): Brush => ({
  colour,
  depth: (x, y) => (1 - Math.hypot((x - x0) / a, (y - y0) / b)) * Math.min(a, b),
  box: around(x0, y0, a, b),
});

/** The first shape without the second. */
export const without = (shape: Brush, hole: Brush): Brush => ({
  ...shape,
  depth: (x, y) => Math.min(shape.depth(x, y), -hole.depth(x, y)),
});

/** A convex polygon, its corners clockwise. */
export function convex(colour: Colour, corners: readonly Point[]): Brush {
  const edges = corners.map(([x, y], i) => {
    const [x2, y2] = corners[(i + 1) % corners.length] ?? [x, y];
    const length = Math.hypot(x2 - x, y2 - y);
    return { x, y, dx: (x2 - x) / length, dy: (y2 - y) / length };
  });
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return {
    colour,
    depth: (px, py) => Math.min(...edges.map(({ x, y, dx, dy }) => dx * (py - y) - dy * (px - x))),
    box: { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) },
  };
}

/** Everything below a line, whose highest point is `top`. */
export function ridge(colour: Colour, top: number, line: (x: number) => number, below?: Colour): Brush {
  const box = { left: -Infinity, top, right: Infinity, bottom: Infinity };
  const depth = (x: number, y: number): number => y - line(x);
  return below === undefined ? { colour, depth, box } : { colour, depth, box, below };
}

export class Canvas {
  readonly data: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8Array(width * height * 3);
  }

  /** Edges are smoothed over the width of a pixel. */
  paint({ colour, below, depth, box }: Brush): void {
    const { data, width, height } = this;
    const [left, right] = [
      between(Math.floor(box.left * height), width),
      between(Math.ceil(box.right * height), width),
    ];
    const [top, bottom] = [
      between(Math.floor(box.top * height), height),
      between(Math.ceil(box.bottom * height), height),
    ];
    for (let row = top; row < bottom; row++) {
      const y = (row + 0.5) / height;
      // A sky ends before the picture does.
      const shade = Math.min(1, (1.4 * (y - box.top)) / (1 - box.top));
      const [red, green, blue] = below === undefined ? colour : mix(colour, below, shade);
      for (let column = left; column < right; column++) {
        const share = Math.min(1, Math.max(0, depth((column + 0.5) / height, y) * height + 0.5));
        if (share === 0) continue;
        const at = 3 * (row * width + column);
        data[at] = blend(data[at], red, share);
        data[at + 1] = blend(data[at + 1], green, share);
        data[at + 2] = blend(data[at + 2], blue, share);
      }
    }
  }
}

export const mix = (a: Colour, b: Colour, share: number): Colour => [
  blend(a[0], b[0], share),
  blend(a[1], b[1], share),
  blend(a[2], b[2], share),
];

const blend = (from = 0, to: number, share: number): number => from + (to - from) * share;

const between = (at: number, most: number): number => Math.min(most, Math.max(0, at));

const around = (x: number, y: number, a: number, b: number): Brush['box'] => ({
  left: x - a,
  top: y - b,
  right: x + a,
  bottom: y + b,
});
