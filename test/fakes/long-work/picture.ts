import { encode } from 'fast-png';
import { type Brush, Canvas, circle, type Colour, convex, ellipse, mix, ridge, without } from './shapes.js';

/**
 * Draws a PNG for a prompt, with fast-png. It draws and does not dream: no model reads the prompt. It knows some words (sun, moon,
 * stars, mountains, sea, boat, house, tree, cat; night, sunset) and the colours before them (`a red house`); the rest comes from the
 * seed. The file holds the prompt as text, as files of ComfyUI do.
 */
export function drawing(prompt: string, { width, height, seed }: PictureOptions): Uint8Array {
  const canvas = new Canvas(width, height);
  for (const brush of sceneOf(prompt, width / height, seed ?? hashOf(prompt))) canvas.paint(brush);
  // Text of a PNG is Latin-1; JSON escapes the rest.
  const ascii = JSON.stringify(prompt).replaceAll(/[^\x20-\x7e]/g, escaped);
  return encode({ width, height, data: canvas.data, channels: 3, depth: 8, text: { prompt: ascii } });
}

export interface PictureOptions {
  readonly width: number;
  readonly height: number;
  /** By default the prompt decides. */
  readonly seed?: number;
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

const COLOURS: Readonly<Record<string, Colour>> = {
  red: [206, 58, 52],
  orange: [236, 140, 52],
  yellow: [247, 206, 82],
  green: [74, 142, 84],
  blue: [58, 108, 190],
  purple: [124, 82, 168],
  pink: [232, 138, 172],
  white: [246, 244, 238],
  black: [36, 36, 44],
  grey: [140, 144, 152],
  brown: [132, 92, 62],
};

interface Light {
  readonly top: Colour;
  readonly horizon: Colour;
  readonly near: Colour;
  readonly far: Colour;
  readonly sea: Colour;
}

const DAY: Light = {
  top: [92, 160, 226],
  horizon: [214, 234, 244],
  near: [82, 140, 78],
  far: [128, 168, 142],
  sea: [52, 118, 168],
};
const NIGHT: Light = {
  top: [12, 18, 52],
  horizon: [70, 84, 140],
  near: [22, 36, 44],
  far: [36, 50, 80],
  sea: [24, 44, 88],
};
const SUNSET: Light = {
  top: [78, 66, 138],
  horizon: [255, 190, 120],
  near: [96, 78, 100],
  far: [122, 84, 112],
  sea: [112, 84, 132],
};

/** The layers of a scene from back to front. */
function sceneOf(prompt: string, aspect: number, seed: number): readonly Brush[] {
  const chance = chanceOf(seed);
  const has = (words: string): boolean => new RegExp(`\\b(?:${words})\\b`, 'i').test(prompt);
  const colourOf = (noun: string, otherwise: Colour): Colour => {
    const [, word = ''] = new RegExp(`\\b(\\w+) (?:${noun})\\b`, 'i').exec(prompt) ?? [];
    return COLOURS[word.toLowerCase()] ?? otherwise;
  };
  const place = (from: number, to: number): number => aspect * (from + (to - from) * chance());
  const light = has('night|moon|stars?') ? NIGHT : has('sunset|evening|dawn|sunrise') ? SUNSET : DAY;
  const isSea = has('sea|ocean|lake|boat|ship');
  const shore = isSea ? 0.87 : 0.72;
  const phase = 6 * chance();
  const layers: Brush[] = [ridge(light.top, 0, () => -1, light.horizon)];
  if (light === NIGHT)
    for (let i = 0; i < 90; i++)
      layers.push(circle([255, 250, 226], place(0, 1), 0.58 * chance(), 0.0015 + 0.0025 * chance()));
  const [x, y] = [place(0.62, 0.85), light === SUNSET ? 0.5 : 0.18];
  const disc = circle(
    has('moon') ? colourOf('moon', [244, 238, 206]) : colourOf('sun', [255, 226, 138]),
    x,
    y,
    0.085,
  );
  if (has('moon')) layers.push(without(disc, circle(light.top, x - 0.045, y - 0.02, 0.08)));
  else if (light !== NIGHT) layers.push(disc);
  if (light === DAY)
    for (let i = 0; i < 3; i++) layers.push(...cloud(place(0.05, 0.6), 0.1 + 0.18 * chance()));
  if (has('mountains?|alps|peaks?'))
    for (let i = 0; i < 4; i++) {
      const rock = colourOf('mountains?|peaks?', mix(light.far, light.top, 0.35));
      const at = aspect * ((i + 0.2 + 0.6 * chance()) / 4);
      layers.push(...mountain(rock, at, 0.3 + 0.14 * chance(), 0.3 + 0.12 * chance(), light === DAY));
    }
  layers.push(
    ridge(light.far, 0.6, (at) => 0.66 + 0.035 * Math.sin(at * 5 + phase) + 0.02 * Math.sin(at * 11 + phase)),
  );
  const water = colourOf('sea|ocean|lake', light.sea);
  if (isSea) layers.push(ridge(water, 0.66, () => 0.66, mix(water, light.near, 0.5)));
  layers.push(
    ridge(
      light.near,
      shore - 0.03,
      (at) => shore + 0.03 * Math.sin(at * 3.2 + phase),
      mix(light.near, [0, 0, 0], 0.35),
    ),
  );
  if (has('boat|ship')) layers.push(...boat(colourOf('boat|ship', [206, 58, 52]), place(0.36, 0.5)));
  const trees = has('forest|woods?') ? 9 : has('trees') ? 4 : has('tree') ? 1 : 0;
  const leaves = colourOf('trees?', mix(light.near, [34, 96, 60], 0.6));
  for (let i = 0; i < trees; i++)
    layers.push(...tree(leaves, place(0.04, 0.96), shore + 0.04 + 0.08 * chance()));
  const walls = colourOf('house|home|cabin', [222, 196, 160]);
  if (has('house|home|cabin')) layers.push(...house(walls, place(0.15, 0.26), shore + 0.08, light === NIGHT));
  if (has('cat')) layers.push(...cat(colourOf('cat', [70, 62, 66]), place(0.58, 0.7), shore + 0.1));
  return layers;
}

const cloud = (x: number, y: number): readonly Brush[] =>
  [-0.06, 0, 0.055].map((dx) => ellipse([250, 252, 255], x + dx, y + Math.abs(dx) / 4, 0.075, 0.03));

function mountain(rock: Colour, x: number, top: number, wide: number, hasSnow: boolean): readonly Brush[] {
  const slope = (share: number): Brush => {
    const y = top + (0.75 - top) * share;
    return convex(share < 1 ? [248, 250, 252] : rock, [[x, top], [x + wide * share, y], [x - wide * share, y]]); // prettier-ignore
  };
  return hasSnow ? [slope(1), slope(0.22)] : [slope(1)];
}

function boat(hull: Colour, x: number): readonly Brush[] {
  const y = 0.78;
  return [
    convex([246, 244, 238], [[x + 0.006, y - 0.16], [x + 0.1, y - 0.02], [x + 0.006, y - 0.02]]), // prettier-ignore
    convex([232, 228, 220], [[x - 0.006, y - 0.14], [x - 0.006, y - 0.02], [x - 0.07, y - 0.02]]), // prettier-ignore
    convex(hull, [[x - 0.11, y - 0.012], [x + 0.12, y - 0.012], [x + 0.08, y + 0.035], [x - 0.075, y + 0.035]]), // prettier-ignore
  ];
}

function tree(leaves: Colour, x: number, y: number): readonly Brush[] {
  const part = (top: number, half: number, bottom: number): Brush =>
    convex(leaves, [[x, y - top], [x + half, y - bottom], [x - half, y - bottom]]); // prettier-ignore
  const trunk = box([92, 66, 48], x - 0.009, y - 0.06, x + 0.009, y);
  return [trunk, part(0.16, 0.065, 0.045), part(0.2, 0.052, 0.095), part(0.235, 0.038, 0.145)];
}

function house(walls: Colour, x: number, y: number, isLit: boolean): readonly Brush[] {
  const glass: Colour = isLit ? [255, 226, 130] : [176, 212, 232];
  const frame: Colour = [110, 78, 58];
  const window = (left: number): readonly Brush[] => [
    box(frame, x + left - 0.005, y - 0.105, x + left + 0.05, y - 0.05),
    box(glass, x + left, y - 0.1, x + left + 0.045, y - 0.055),
  ];
  return [
    box(walls, x - 0.11, y - 0.13, x + 0.11, y),
    convex([124, 62, 54], [[x, y - 0.225], [x + 0.14, y - 0.12], [x - 0.14, y - 0.12]]), // prettier-ignore
    ...window(-0.08),
    ...window(0.035),
    box(frame, x - 0.022, y - 0.075, x + 0.022, y),
  ];
}

function cat(fur: Colour, x: number, y: number): readonly Brush[] {
  const eye = (at: number): readonly Brush[] => [
    ellipse([222, 226, 120], at, y - 0.195, 0.011, 0.014),
    ellipse([20, 20, 24], at, y - 0.195, 0.003, 0.012),
  ];
  return [
    ellipse(fur, x + 0.11, y - 0.02, 0.1, 0.018),
    circle(fur, x + 0.2, y - 0.032, 0.02),
    ellipse(fur, x, y - 0.075, 0.07, 0.1),
    circle(fur, x, y - 0.19, 0.058),
    convex(fur, [[x - 0.05, y - 0.285], [x - 0.008, y - 0.235], [x - 0.05, y - 0.2]]), // prettier-ignore
    convex(fur, [[x + 0.05, y - 0.285], [x + 0.05, y - 0.2], [x + 0.008, y - 0.235]]), // prettier-ignore
    ...eye(x - 0.022),
    ...eye(x + 0.022),
    ellipse([220, 140, 140], x, y - 0.17, 0.007, 0.005),
  ];
}

const box = (colour: Colour, left: number, top: number, right: number, bottom: number): Brush =>
  convex(colour, [[left, top], [right, top], [right, bottom], [left, bottom]]); // prettier-ignore

/** FNV-1a. */
function hashOf(prompt: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(prompt)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
