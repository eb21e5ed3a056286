import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { compileExtract, ExtractError, follow, reach } from './response-extract.js';
import { parsePath, printPath, type Step } from './json-path.js';
import { TemplateError } from './template-error.js';
import { anyText, hundreds } from '../../test/arbitraries/template.js';

const key = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'response',
    '__proto__',
    'constructor',
    'length',
    '0',
    '-1',
    '',
    'odd.key',
    "it's",
    '[',
    '名',
  ),
  anyText.filter((text) => text.length < 10),
);
const steps = fc.array(
  fc.oneof(
    key,
    fc.integer({ min: -5, max: 5 }).map((index) => index + 0),
  ),
  { maxLength: 6 },
);
const nearPath = fc
  .array(
    fc.constantFrom('a', 'response', '.', '[', ']', '"', "'", '\\', '0', '-', '1', 'u00e9', ' ', '\0', '😀'),
    {
      maxLength: 12,
    },
  )
  .map((pieces) => pieces.join(''));
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.oneof(
      anyText,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs)),
  ),
})).value;

/** JSON with whole digits, spaced as some servers do, so that nothing can be read back by luck. */
function write(value: unknown, space: string): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const list = Array.isArray(value);
  const members = list
    ? value.map((each) => write(each, space))
    : Object.entries(value).map(
        ([name, each]) => `${JSON.stringify(name)}${space}:${space}${write(each, space)}`,
      );
  return `${list ? '[' : '{'}${space}${members.join(`${space},${space}`)}${space}${list ? ']' : '}'}`;
}

/** Where one can go in a value, and what is there. */
function places(
  value: unknown,
  path: readonly Step[] = [],
): readonly (readonly [readonly Step[], unknown])[] {
  const children: readonly (readonly [Step, unknown])[] = Array.isArray(value)
    ? value.flatMap((each, at) => [[at, each] as const, [at - value.length, each] as const])
    : Object.entries(typeof value === 'object' && value !== null ? value : {});
  return [[path, value], ...children.flatMap(([step, each]) => places(each, [...path, step]))];
}

function outcome(act: () => string): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

function isCanonical(path: string): boolean {
  return compileExtract(path).path === path;
}

function isRefusalWithin(path: string) {
  return (error: unknown) => {
    const column = Number(/column (\d+): /.exec(String(error))?.[1]);
    return error instanceof TemplateError && column > 0 && column <= path.length + 1;
  };
}

/** Numbers are compared by their digits: each becomes a text before parsing. */
function canonical(text: string): string {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : JSON.stringify(`#${/\d{16}/.test(token) ? token : Number(token)}`),
  );
  return JSON.stringify(JSON.parse(quoted));
}

describe('a path', () => {
  it('is the same after it is printed and parsed', () => {
    fc.assert(
      fc.property(steps, (path) => {
        const printed = printPath(path);
        fc.pre(printed.length <= 500);
        expect(parsePath(printed, 'x')).toStrictEqual(path);
        expect(compileExtract(printed).path).toBe(printed);
      }),
      hundreds,
    );
  });

  it('is parsed, or rejected with a TemplateError that names a column', () => {
    fc.assert(
      fc.property(fc.oneof(nearPath, anyText), (path) => {
        const read = outcome(() => compileExtract(path).path);
        expect(read).toSatisfy(typeof read === 'string' ? isCanonical : isRefusalWithin(path));
      }),
      hundreds,
    );
  });
});

describe('extraction', () => {
  it('gives text or throws an ExtractError and no other error', () => {
    const answers = fc.oneof(
      json.map((value) => write(value, ' ')),
      anyText,
    );
    fc.assert(
      fc.property(steps, answers, (path, answer) => {
        const result = outcome(() => compileExtract(printPath(path)).from(answer));
        expect(result).toSatisfy((each) => typeof each === 'string' || each instanceof ExtractError);
      }),
      hundreds,
    );
  });

  it('finds the value with all its digits', () => {
    fc.assert(
      fc.property(json, fc.nat(), fc.constantFrom('', ' ', '\r\n\t'), (value, pick, space) => {
        const everywhere = places(value).slice(1);
        const [path, found] = everywhere[pick % Math.max(everywhere.length, 1)] ?? [];
        fc.pre(path !== undefined && found !== null && printPath(path).length <= 500);
        const result = compileExtract(printPath(path)).from(write(value, space));
        const [got, wanted] =
          typeof found === 'string' ? [result, found] : [canonical(result), canonical(write(found, ''))];
        expect(got).toBe(wanted);
      }),
      hundreds,
    );
  });

  it('reaches the end of each path that leads to a value, and a place on the way of each other', () => {
    fc.assert(
      fc.property(json, steps, fc.nat(), fc.nat(6), (value, wrong, pick, cut) => {
        const everywhere = places(value);
        const [right = []] = everywhere[pick % everywhere.length] ?? [];
        expect(reach(value, right)).toStrictEqual(follow(value, right));
        const path = [...right.slice(0, cut), ...wrong];
        const reached = reach(value, path);
        expect(follow(value, reached.steps)).toStrictEqual(reached);
        const missed = outcome(() => printPath(follow(value, path).steps));
        expect(missed instanceof ExtractError).toBe(reached.steps.length < path.length);
      }),
      hundreds,
    );
  });
});
