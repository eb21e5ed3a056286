import './register.css';
import { useLocation } from 'preact-iso';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem, call, explain, post, query, type Schemas } from '../../api/client';
import { useData } from '../../api/data';
import { isAdmin, mayChangeWorkers, session } from '../../api/session';
import { copy } from '../../parts/code';
import { type DryRun, DryRunResult } from '../../parts/dry-run-result';
import { Field } from '../../parts/field';
import { Problem } from '../../parts/note';
import { Screen } from '../../parts/screen';
import { toast } from '../../parts/toast';
import { nearest } from '../../words/nearest';
import { plural } from '../../words/numbers';
import { type Box, type Boxes, boxesOf, CREDENTIALS, isNear, LIMITS, registrationOf } from './draft';

const RENDER_MS = 250;
const CALL_MS = 800;
const SHOWN_PRESETS = 14;

/** The box that a fault of the service is about: `worker.timeouts.total_ms` is of `timeouts`. */
const named = (field: string): string => field.replace(/^worker\./, '').split(/[.[]/)[0] ?? '';

/** A new worker that is known to work: the right side shows what would happen, while the left is typed. */
export default function Register() {
  const { query: chosen, route } = useLocation();
  const name = chosen['preset'] ?? '';
  const presets = useData<Schemas['PresetListDto']>('/api/v1/presets').value?.data ?? [];
  const preset = presets.find((each) => each.name === name);
  const [texts, setTexts] = useState<Boxes>({ model_name: chosen['model'] ?? '' });
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isAll, setAll] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const boxes = boxesOf(preset);
  const all = [...boxes, ...CREDENTIALS, ...LIMITS];
  const { worker, faults: own } = registrationOf(name, all, texts);
  const url = texts['req_url_template'] ?? texts['base_url'] ?? '';
  const dry = useDryRun(worker, url);
  const found = [...(problem?.details ?? []), ...(dry.problem?.details ?? [])];
  const faults: Boxes = {
    ...Object.fromEntries(found.map(({ field, problem: what }) => [named(field), what])),
    ...own,
  };
  const path = dry.run?.problem !== undefined && dry.run.response !== undefined ? dry.run : null;

  const set = (field: string, text: string): void => {
    setProblem(null);
    setTexts({ ...texts, [field]: text });
  };
  const submit = async (): Promise<void> => {
    if (Object.keys(own).length === 0)
      try {
        const made = await post<Schemas['WorkerDto']>('/api/v1/workers', worker);
        toast(`${made.model_name} has a new worker`);
        return route(`/console/workers/${made.id}`);
      } catch (error) {
        setProblem(error instanceof ApiProblem ? error : new ApiProblem(0, null, String(error)));
      }
    // After the faults are shown.
    setTimeout(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
  };
  const head =
    problem !== null && problem.details.every(({ field }) => !all.some((box) => box.name === named(field)));
  const show = (box: Box) => (
    <BoxField
      key={`${name} ${box.name}`}
      box={box}
      text={texts[box.name] ?? ''}
      fault={faultOf(box.name)}
      onText={(text) => set(box.name, text)}
    />
  );
  const faultOf = (field: string) => {
    // An empty form is no fault yet.
    if (faults[field] !== undefined && ((texts[field] ?? '') !== '' || problem !== null))
      return faults[field];
    if (field !== 'response_extract' || path === null) return undefined;
    return (
      <PathFault
        run={path}
        text={texts['response_extract'] ?? ''}
        onUse={(text) => set('response_extract', text)}
      />
    );
  };
  if (!mayChangeWorkers.value)
    return (
      <Screen title="Workers are registered by others">
        <p>A key with the role registrar, operator or admin may do that.</p>
      </Screen>
    );
  const many = Object.keys(faults).length;
  return (
    <Screen title="Register a worker" beside={<p>Nothing is stored before Register is pressed.</p>}>
      <div class="two">
        <form
          class="panel"
          ref={form}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <div class="pad col">
            <fieldset>
              <legend>What is it?</legend>
              <div class="chips">
                {[
                  { name: '', title: 'Own JSON' },
                  ...(isAll ? presets : presets.slice(0, SHOWN_PRESETS)),
                ].map((each) => (
                  <label key={each.name} class="chip">
                    <input
                      type="radio"
                      name="preset"
                      checked={each.name === name}
                      onChange={() => route(`/console/register${query({ preset: each.name })}`, true)}
                    />
                    {each.title.split(':')[0]}
                  </label>
                ))}
                {!isAll && presets.length > SHOWN_PRESETS && (
                  <button type="button" class="btn plain tiny" onClick={() => setAll(true)}>
                    {presets.length - SHOWN_PRESETS} more
                  </button>
                )}
              </div>
            </fieldset>
            {head && <Problem problem={problem} />}
            {boxes.map(show)}
            <details>
              <summary>Headers and credentials</summary>
              {CREDENTIALS.map(show)}
            </details>
            <details>
              <summary>Limits, weight, priority, labels</summary>
              <div class="grid2">{LIMITS.map(show)}</div>
            </details>
          </div>
          <footer>
            <button type="submit" class="btn main">
              Register
            </button>
            <button type="button" class="btn" onClick={() => void copy(curlOf(worker))}>
              Copy as curl
            </button>
            <span class="grow" />
            {many > 0 && <span class="sub">{plural(many, 'fault')}</span>}
          </footer>
        </form>
        {isAdmin.value && <DryRunPanel {...dry} />}
      </div>
    </Screen>
  );
}

interface BoxProps {
  readonly box: Box;
  readonly text: string;
  readonly fault: preact.ComponentChildren;
  readonly onText: (text: string) => void;
}

function BoxField({ box: { label, hint, placeholder, kind }, text, fault, onText }: BoxProps) {
  return (
    <Field
      label={label}
      hint={hint}
      fault={fault}
      control={(tied) => {
        const props = {
          ...tied,
          placeholder,
          value: text,
          spellcheck: false,
          onInput: ({ currentTarget }: { currentTarget: { value: string } }) => onText(currentTarget.value),
        };
        if (kind === 'json') return <textarea {...props} class="code" rows={5} />;
        if (kind === 'secret') return <input {...props} type="password" autocomplete="off" />;
        return <input {...props} autocomplete="off" inputMode={kind === 'number' ? 'decimal' : undefined} />;
      }}
    />
  );
}

/** Where the answer path leads nowhere: what is wrong, and the nearest key that is there. */
function PathFault({
  run,
  text,
  onUse,
}: {
  readonly run: DryRun;
  readonly text: string;
  readonly onUse: (text: string) => void;
}) {
  const [, wrong = ''] = /no key "([^"]+)"/.exec(run.problem ?? '') ?? [];
  const better = nearest(wrong, run.keys ?? keysIn(run.response?.body ?? ''));
  const at = text.lastIndexOf(wrong);
  return (
    <>
      {run.problem}
      {better !== undefined && at !== -1 && (
        <button
          type="button"
          class="btn tiny"
          onClick={() => onUse(text.slice(0, at) + better + text.slice(at + wrong.length))}
        >
          Use {better}
        </button>
      )}
    </>
  );
}

/** All keys of an answer, where the service does not name those at the place. */
function keysIn(text: string): readonly string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(([, key = '']) => key);
}

interface Dry {
  readonly prompt: string;
  readonly setPrompt: (prompt: string) => void;
  readonly calls: boolean;
  readonly setCalls: (calls: boolean) => void;
  readonly run: DryRun | null;
  readonly problem: ApiProblem | null;
}

function DryRunPanel({ prompt, setPrompt, calls, setCalls, run, problem }: Dry) {
  return (
    <section class="panel stick" aria-label="Dry run">
      <header>
        <h2>Dry run</h2>
        <span class="grow" />
        <label class="row">
          <input
            type="checkbox"
            checked={calls}
            onChange={({ currentTarget }) => setCalls(currentTarget.checked)}
          />
          Call the server
        </label>
      </header>
      <div class="pad">
        <Field
          label="Prompt"
          control={(tied) => (
            <input {...tied} value={prompt} onInput={({ currentTarget }) => setPrompt(currentTarget.value)} />
          )}
        />
      </div>
      {run === null ? (
        <p class="pad sub">
          {problem === null
            ? 'What would be sent stands here.'
            : problem.details.length === 0
              ? explain(problem)
              : 'The fields on the left have faults.'}
        </p>
      ) : (
        <DryRunResult run={run} />
      )}
    </section>
  );
}

/** Renders soon after the last key, and calls the server a little later; an older run is aborted. */
function useDryRun(worker: object, url: string): Dry {
  const [prompt, setPrompt] = useState('who are you?');
  const [wish, setCalls] = useState<boolean | null>(null);
  const [run, setRun] = useState<DryRun | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const calls = wish ?? isNear(url);
  const text = JSON.stringify(worker);
  const isEmpty = url === '' && Object.keys(worker).length < 3;
  useEffect(() => {
    if (!isAdmin.value || isEmpty) return setRun(null);
    const abort = new AbortController();
    const start = async (isCall: boolean): Promise<void> => {
      try {
        const body = { worker: JSON.parse(text) as object, prompt, call: isCall };
        const { value } = await call<DryRun>('POST', '/api/v1/workers/dry-run', {
          body,
          signal: abort.signal,
        });
        setRun(value);
        setProblem(null);
      } catch (error) {
        if (abort.signal.aborted) return;
        setRun(null);
        setProblem(error instanceof ApiProblem ? error : new ApiProblem(0, null, String(error)));
      }
    };
    const timers = [setTimeout(() => void start(false), RENDER_MS)];
    if (calls) timers.push(setTimeout(() => void start(true), CALL_MS));
    return () => {
      abort.abort();
      timers.forEach((timer) => clearTimeout(timer));
    };
  }, [text, prompt, calls, isEmpty]);
  return { prompt, setPrompt, calls, setCalls, run, problem };
}

function curlOf(worker: object): string {
  const json = JSON.stringify(worker, null, 2).replaceAll("'", String.raw`'\''`);
  const key = session.value?.protected_mode === true ? '' : ' \\\n  -H "Authorization: Bearer $MMM_KEY"';
  return `curl ${location.origin}/api/v1/workers${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${json}'`;
}
