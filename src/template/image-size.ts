/** Width and height in pixels: `1280x720`. */
export const SIZE = /^[1-9]\d{0,4}x[1-9]\d{0,4}$/;

/** What a size says in other words. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** The nearest of the common ones, such as `16:9`. */
  readonly aspectRatio: string;
  /** The shorter side, such as `720p`. */
  readonly resolution: string;
}

const RATIOS = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '9:21'].map(
  (text) => {
    const [width = 1, height = 1] = text.split(':').map(Number);
    return { text, log: Math.log(width / height) };
  },
);

/** `null`: the text is not written as width and height. */
export function readSize(size: string): ImageSize | null {
  if (!SIZE.test(size)) return null;
  const [width = 1, height = 1] = size.split('x').map(Number);
  const log = Math.log(width / height);
  const nearest = RATIOS.reduce((best, each) =>
    Math.abs(each.log - log) < Math.abs(best.log - log) ? each : best,
  );
  return { width, height, aspectRatio: nearest.text, resolution: `${Math.min(width, height)}p` };
}
