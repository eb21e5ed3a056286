import { parseDataUrl } from '../../../input/data-url.js';
import { compileValuePath, type ValuePath } from '../../../template/json-paths.js';
import type { PlaceholderName, PlaceholderValues } from '../../../template/placeholders.js';
import { RenderError } from '../../../template/template-error.js';
import { mediaType } from '../../../upstream/headers.js';
import type { UpstreamTimeouts } from '../../../upstream/timeouts.js';
import type { PollSpec, PollResultSpec } from '../../poll.dto.js';
import type { Kept, PollCall, ResultFile, ResultPlan, ResultReading } from '../../poll.js';
import { type FaultList, keptIn, keptNameProblem, stepValues, stepVocabulary } from './poll-vocabulary.js';
import type { TextReader } from './error-words.js';
import { isSuccess, keptValue, readAnswer, withStatus } from './poll-answer.js';
import { compileStep, type PollStep, type StepContext } from './poll-step.js';

/** More files than any task makes. */
const MOST_FILES = 100;
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

interface ResultRules {
  readonly as: PollResultSpec['as'];
  readonly origin: string;
  readonly extract: readonly ValuePath[];
  /** Of an answer without a file: names the paths, so that the definition can be mended. */
  readonly noFile: string;
  readonly each: ValuePath | null;
  readonly nothingAtEach: string;
  readonly keep: readonly (readonly [string, ValuePath])[];
  readonly request: PollStep | null;
  readonly error: TextReader;
}

interface CompiledResult extends Pick<PollCall, 'result' | 'readResult' | 'resultRequest'> {
  readonly placeholders: ReadonlySet<PlaceholderName>;
}

/** How a result is read. Adds every fault of `poll.result` to `faults`. */
export function compileResult(
  poll: PollSpec,
  kept: readonly string[],
  error: TextReader,
  context: StepContext,
  timeouts: UpstreamTimeouts,
  faults: FaultList,
): CompiledResult {
  const { result } = poll;
  const vocabulary = stepVocabulary(kept);
  const at = (path: string, field: string): ValuePath | null =>
    faults.attempt(() => compileValuePath(path, `poll.result.${field}`, vocabulary));
  const extract = pathsOf(result, at);
  const each = (result.each ?? null) === null ? null : at(result.each ?? '', 'each');
  const keep = keepOf(result, kept, at, faults);
  const step = result.request ?? null;
  const own = Object.keys(result.keep ?? {});
  const request =
    step === null
      ? null
      : compileStep(
          step,
          'poll.result.request',
          stepVocabulary([...kept, ...own]),
          context,
          timeouts,
          faults,
        );
  addContradictions(result, request, faults);
  const rules: ResultRules = {
    as: result.as,
    origin: context.origin,
    extract,
    noFile: noFile(result),
    each,
    nothingAtEach: `holds nothing at ${result.each ?? ''} (poll.result.each)`,
    keep,
    request,
    error,
  };
  const paths = [...extract, ...(each === null ? [] : [each]), ...keep.map(([, path]) => path)];
  return {
    placeholders: new Set([
      ...paths.flatMap(({ placeholders }) => [...placeholders]),
      ...(request?.placeholders ?? []),
    ]),
    resultRequest:
      request === null ? null : { names: own, render: (known) => request.render(stepValues(known)) },
    result: (answer, known) => planOf(rules, answer, (thing) => stepValues(known, thing)),
    readResult: (answer, known) => readResult(rules, answer, stepValues(known)),
  };
}

function pathsOf(
  { extract }: PollResultSpec,
  at: (path: string, field: string) => ValuePath | null,
): readonly ValuePath[] {
  if (extract === undefined || extract === null) return [];
  const isList = Array.isArray(extract);
  return ((isList ? extract : [extract]) as readonly string[]).flatMap(
    (path, index) => at(path, isList ? `extract[${index}]` : 'extract') ?? [],
  );
}

function keepOf(
  { keep = {} }: PollResultSpec,
  kept: readonly string[],
  at: (path: string, field: string) => ValuePath | null,
  faults: FaultList,
): ResultRules['keep'] {
  return Object.entries(keep ?? {}).flatMap(([name, path]) => {
    const problem = keptNameProblem(name) ?? (kept.includes(name) ? 'is kept of the submit, too' : null);
    if (problem !== null) faults.add(`poll.result.keep.${name}`, problem);
    const compiled = at(path, `keep.${name}`);
    return compiled === null ? [] : [[name, compiled] as const];
  });
}

function has(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function addContradictions(
  { as, extract, each, keep, request }: PollResultSpec,
  step: PollStep | null,
  faults: FaultList,
): void {
  if (as === 'bytes' && !has(request))
    faults.add('poll.result.request', 'is missing: with as "bytes" its answer is the file');
  if (as === 'bytes' && has(extract))
    faults.add('poll.result.extract', 'is not used with as "bytes": leave it out');
  if (as !== 'bytes' && !has(extract))
    faults.add('poll.result.extract', `is missing: the path of the ${as === 'url' ? 'URL' : 'base64 text'}`);
  if (has(each) && !has(request)) faults.add('poll.result.each', 'is used with request only: leave it out');
  if (has(keep) && !has(request)) faults.add('poll.result.keep', 'is used with request only: leave it out');
  const used = step === null ? null : keptIn(step.placeholders);
  for (const name of Object.keys(keep ?? {}))
    if (used !== null && !used.has(name))
      faults.add(`poll.result.keep.${name}`, 'is used nowhere in poll.result.request');
}

/** @throws what the render of `poll.result.request` throws */
function planOf(
  { each, nothingAtEach, keep, request, error, ...rules }: ResultRules,
  answer: unknown,
  valuesOf: (ofThing: Kept) => PlaceholderValues,
): ResultPlan {
  const values = valuesOf({});
  const words = error.read(answer, values);
  const missing = (problem: string): ResultPlan => ({
    kind: 'missing',
    message: words === '' ? problem : words,
  });
  if (request === null) {
    const files = filesIn(rules, answer, values);
    return files.length > 0
      ? { kind: 'files', files }
      : missing(`it is done, and its answer ${rules.noFile}`);
  }
  const things = each === null ? [answer] : each.all(answer, values).filter((thing) => thing !== null);
  if (things.length === 0) return missing(`it is done, and its answer ${nothingAtEach}`);
  try {
    const requests = things
      .slice(0, MOST_FILES)
      .map((thing) => request.render(valuesOf(keptOf(keep, thing, values))));
    return { kind: 'requests', requests };
  } catch (failure) {
    // A value that the path of a URL needs does not stand in the answer.
    if (!(failure instanceof RenderError)) throw failure;
    return missing(`it is done, and its result cannot be requested: ${failure.message}`);
  }
}

function noFile({ as, extract }: PollResultSpec): string {
  const paths = (Array.isArray(extract) ? extract : [extract]).join(' or ');
  return `holds no ${as === 'url' ? 'URL' : 'base64 text'} at ${paths} (poll.result.extract)`;
}

/** What is missing is left out, as any value that is absent. */
function keptOf(keep: ResultRules['keep'], thing: unknown, values: PlaceholderValues): Kept {
  const found = keep.map(([name, path]) => [name, keptValue(path.all(thing, values), true)] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, Kept[string]] => entry[1] !== undefined));
}

function readResult(
  rules: ResultRules,
  answer: Parameters<PollCall['readResult']>[0],
  values: PlaceholderValues,
): ResultReading {
  const { status, headers } = answer;
  if (isSuccess(status) && rules.as === 'bytes') return { kind: 'bytes', type: mediaType(headers) };
  const { json, retryAfterMs } = readAnswer(answer);
  const words = rules.error.read(json, values);
  if (TRY_AGAIN.has(status) || status >= 500)
    return { kind: 'again', retryAfterMs, note: withStatus(words, status) };
  if (!isSuccess(status))
    return { kind: 'failed', message: words === '' ? `its result answers HTTP ${status}` : words };
  const files = filesIn(rules, json, values);
  if (files.length > 0) return { kind: 'files', files };
  return {
    kind: 'missing',
    message: words === '' ? `its result ${rules.noFile}` : words,
  };
}

/** Of the first path that finds any. */
function filesIn(
  { extract, as, origin }: Pick<ResultRules, 'extract' | 'as' | 'origin'>,
  answer: unknown,
  values: PlaceholderValues,
): readonly ResultFile[] {
  for (const path of extract) {
    const files = path.all(answer, values).flatMap((value) => fileOf(value, as, origin) ?? []);
    if (files.length > 0) return files.slice(0, MOST_FILES);
  }
  return [];
}

/** Some vendors answer links and data alike, so the text itself decides; a path is at the worker's origin. */
function fileOf(value: unknown, as: PollResultSpec['as'], origin: string): ResultFile | null {
  if (typeof value !== 'string' || value === '') return null;
  const data = parseDataUrl(value);
  if (data !== null) return { kind: 'base64', ...data };
  if (/^https?:\/\//i.test(value)) return URL.canParse(value) ? { kind: 'url', url: value } : null;
  if (as === 'base64')
    return /^[A-Za-z0-9+/_=\s-]+$/.test(value) ? { kind: 'base64', base64: value, type: null } : null;
  return value.startsWith('/') && URL.canParse(origin + value) ? { kind: 'url', url: origin + value } : null;
}
