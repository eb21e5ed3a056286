import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

export interface Dockerfile {
  /** The instructions before the first FROM. */
  readonly head: readonly Instruction[];
  /** The stages, each from its FROM to the next. */
  readonly stages: readonly (readonly Instruction[])[];
}

/** https://docs.docker.com/reference/dockerfile/, without parser directives, heredocs and ONBUILD. */
const INSTRUCTIONS =
  /^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR)\s+(\S.*)$/;

/** @throws Error if a line is not an instruction */
export function readDockerfile(file: string): Dockerfile {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const instructions = lines.map(readInstruction);
  const starts = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []));
  return {
    head: instructions.slice(0, starts[0]),
    stages: starts.map((start, index) => instructions.slice(start, starts[index + 1])),
  };
}

/** The value of the last instruction of this name in a stage, or `undefined`. */
export function last(stage: readonly Instruction[], name: string): string | undefined {
  return stage.findLast((instruction) => instruction.name === name)?.rest;
}

/** `ENV A=1 B=2` */
export function environmentOf(stage: readonly Instruction[]): Readonly<Record<string, string>> {
  const pairs = stage
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ rest }) => [...rest.matchAll(/([A-Za-z_]\w*)=(\S*)/g)]);
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}

function readInstruction(line: string): Instruction {
  const [, name, rest] = INSTRUCTIONS.exec(line) ?? [];
  if (name === undefined || rest === undefined)
    throw new SyntaxError(`not a Dockerfile instruction:  ${line}`);
  return { name, rest };
}
