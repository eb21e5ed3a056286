import type { JobInput } from '../job.js';

const REFERENCE = /^job-file:(\d+)$/;

/** A request whose data URLs stand in `job_file`, and these. */
export interface SplitInput {
  /** `images` and `mask` hold `job-file:0` and so on in their place. */
  readonly input: JobInput;
  readonly files: readonly string[];
}

/** Data URLs may have many MiB: they are stored apart and deleted once the job is submitted. */
export function splitInput(input: JobInput): SplitInput {
  const files: string[] = [];
  const kept = (given: string): string =>
    given.startsWith('data:') ? `job-file:${files.push(given) - 1}` : given;
  const { images, mask, ...rest } = input;
  return {
    input: {
      ...rest,
      ...(images === undefined ? {} : { images: images.map(kept) }),
      ...(mask === undefined ? {} : { mask: kept(mask) }),
    },
    files,
  };
}

/** @param files by number @throws RangeError if a file is missing */
export function joinInput(input: JobInput, files: ReadonlyMap<number, string>): JobInput {
  const back = (given: string): string => {
    const number = REFERENCE.exec(given)?.[1];
    if (number === undefined) return given;
    const file = files.get(Number(number));
    if (file === undefined) throw new RangeError(`input file ${number} of the job is no longer there`);
    return file;
  };
  const { images, mask, ...rest } = input;
  return {
    ...rest,
    ...(images === undefined ? {} : { images: images.map(back) }),
    ...(mask === undefined ? {} : { mask: back(mask) }),
  };
}
