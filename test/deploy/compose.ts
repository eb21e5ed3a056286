import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { Tree } from './tree.js';

type Environment = Readonly<Record<string, string>>;

/** The file as Compose reads it in this environment, with `${NAME:-default}` replaced. */
export function readCompose(file: string, environment: Environment = {}): Tree {
  const text = readFileSync(file, 'utf8').replaceAll(
    /\$\{([A-Z_]+)(?::-([^}]*))?\}/g,
    (_, name: string, otherwise: string | undefined) => {
      const value = environment[name] ?? '';
      return value === '' ? (otherwise ?? '') : value;
    },
  );
  return new Tree(parse(text));
}

/** The variables of a service. One without a value is passed from the environment, if it is set there. */
export function environmentOf(service: Tree, environment: Environment = {}): Environment {
  return Object.fromEntries(
    service
      .at('environment')
      .entries()
      .flatMap(([name, { value }]) => {
        const given =
          value === null ? environment[name] : typeof value === 'string' ? value : JSON.stringify(value);
        return given === undefined ? [] : [[name, given]];
      }),
  );
}

/** `10m30s` */
export function milliseconds(duration: string): number {
  const [whole, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  if (whole === undefined || whole === '') throw new SyntaxError(`not a duration:  ${duration}`);
  return (Number(minutes) * 60 + Number(seconds)) * 1_000;
}
