import './register.css';
import { useRef, useState } from 'preact/hooks';
import { type ApiProblem, asProblem, post, query, type Schemas } from '../../api/client';
import { useData } from '../../api/data';
import type { Values } from '../../api/edit';
import { isAdmin, mayChangeWorkers } from '../../api/session';
import { useLocation } from '../../live/location';
import { copy } from '../../parts/code';
import { type Box, Boxes } from '../../parts/form';
import { Problem } from '../../parts/note';
import { Screen } from '../../parts/screen';
import { toast } from '../../parts/toast';
import { plural } from '../../words/numbers';
import { curlOf } from '../playground/copy-as';
import { boxesOf, CREDENTIALS, LIMITS, registrationOf, sqlOf } from './draft';
import { DryRunPanel, PathFault, useDryRun } from './dry-run';

const SHOWN_PRESETS = 14;

/** The box that a fault of the service is about: `worker.timeouts.total_ms` is of `timeouts`. */
const named = (field: string): string => field.replace(/^worker\./, '').split(/[.[]/)[0] ?? '';

/** A new worker that is known to work: the right side shows what would happen, while the left is typed. */
export default function Register() {
  const { query: chosen, route } = useLocation();
  const name = chosen['preset'] ?? '';
  const presets = useData<Schemas['PresetListDto']>('/api/v1/presets').value?.data ?? [];
  const preset = presets.find((each) => each.name === name);
  const [texts, setTexts] = useState<Values>({ model_name: chosen['model'] ?? '' });
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isAll, setAll] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const boxes = boxesOf(preset);
  const all = [...boxes, ...CREDENTIALS, ...LIMITS];
  const { worker, faults: own } = registrationOf(name, all, texts);
  const url = texts['req_url_template'] ?? texts['base_url'] ?? '';
  const dry = useDryRun(worker, url);
  const found = [...(problem?.details ?? []), ...(dry.problem?.details ?? [])];
  const faults: Values = {
    ...Object.fromEntries(found.map(({ field, problem: what }) => [named(field), what])),
    ...own,
  };
  const path = dry.run?.problem !== undefined && dry.run.response !== undefined ? dry.run : null;

  const submit = async (): Promise<void> => {
    if (Object.keys(own).length === 0)
      try {
        const made = await post<Schemas['WorkerDto']>('/api/v1/workers', worker);
        toast(`${made.model_name} has a new worker`);
        return route(`/console/workers/${made.id}`);
      } catch (error) {
        setProblem(asProblem(error));
      }
    // After the faults are shown.
    setTimeout(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
  };
  const head =
    problem !== null && problem.details.every(({ field }) => !all.some((box) => box.name === named(field)));
  const show = (those: readonly Box[], kind = 'col') => (
    <Boxes
      boxes={those}
      values={texts}
      faultOf={faultOf}
      onTouch={(part) => {
        setProblem(null);
        setTexts({ ...texts, ...part });
      }}
      kind={kind}
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
        onUse={(text) => setTexts({ ...texts, response_extract: text })}
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
            {show(boxes)}
            <details>
              <summary>Headers and credentials</summary>
              {show(CREDENTIALS)}
            </details>
            <details>
              <summary>Limits, weight, priority, labels</summary>
              {show(LIMITS, 'grid2')}
            </details>
          </div>
          <footer>
            <button type="submit" class="btn main">
              Register
            </button>
            <button
              type="button"
              class="btn"
              onClick={() => void copy(curlOf({ path: '/api/v1/workers', body: worker }))}
            >
              Copy as curl
            </button>
            {/* A preset is written out by the API. */}
            {preset === undefined && (
              <button type="button" class="btn" onClick={() => void copy(sqlOf(worker))}>
                Copy as SQL
              </button>
            )}
            <span class="grow" />
            {many > 0 && <span class="sub">{plural(many, 'fault')}</span>}
          </footer>
        </form>
        {isAdmin.value && <DryRunPanel {...dry} />}
      </div>
    </Screen>
  );
}
