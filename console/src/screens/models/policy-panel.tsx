import { useState } from 'preact/hooks';
import { useLocation } from '../../live/location';
import { useEdit } from '../../api/edit';
import { call } from '../../api/client';
import { useData } from '../../api/data';
import { mayCall, mayUndo } from '../../api/session';
import type { Model } from '../../api/shapes';
import { Sql } from '../../parts/code';
import { Confirm } from '../../parts/confirm';
import { Input, type Option, Options } from '../../parts/field';
import { Boxes, EditNotes, faultsOf } from '../../parts/form';
import { Problem } from '../../parts/note';
import { Skeleton } from '../../parts/screen';
import { attempt, toast } from '../../parts/toast';
import { exactTime, timeOf } from '../../words/numbers';
import { boxesOf, LIMIT_BOXES, MORE_BOXES, policyOf, PRICE_BOXES, STRATEGIES, valuesOf } from './policy';
import { Way } from './way';

interface PanelProps {
  readonly name: string;
  readonly models: readonly Model[];
  readonly waiting: number;
}

/** The way of a request through one model, and its policy. An empty box is the default. */
export function PolicyPanel({ name, models, waiting }: PanelProps) {
  const { route } = useLocation();
  const path = `/api/v1/models/${encodeURIComponent(name)}`;
  const data = useData<Model>(
    path,
    ({ kind, modelName }) =>
      (kind === 'model' || kind === 'worker') && (modelName === name || modelName === null),
  );
  const edit = useEdit<Model>({
    path,
    data,
    method: 'PUT',
    read: valuesOf,
    write: policyOf,
    events: { subject: 'model', model_name: name },
    onSaved: () => toast(`${name} is saved`),
  });
  const [isResetting, setResetting] = useState(false);
  const { value: model, problem, reload } = data;
  if (model === undefined)
    return problem === null ? (
      <Skeleton />
    ) : (
      <div>
        <Problem problem={problem} retry={reload} />
      </div>
    );

  const mayWrite = mayUndo.value;
  const { values, touch, problem: fault } = edit;
  const onTouch = mayWrite ? touch : undefined;
  const strategy = values['strategy'] ?? '';
  const effective = model.effective.strategy;
  const clear = (): Promise<void> =>
    attempt(async () => {
      await call('DELETE', path);
      edit.reset();
      toast(`The settings decide for ${name} again`);
      if (Object.values(model.workers).every((many) => many === 0)) route('/console/models');
    });
  return (
    <form
      class="panel stick"
      aria-label={`Policy of ${name}`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        edit.save();
      }}
    >
      <header>
        <h2>{name}</h2>
        {model.updated_at !== null && (
          <span class="sub small" title={exactTime(model.updated_at)}>
            generation {model.generation}, by {model.updated_by}, {timeOf(model.updated_at)}
          </span>
        )}
        <span class="grow" />
        <a class="btn tiny" href={`/console/workers?q=${encodeURIComponent(name)}`}>
          Workers
        </a>
        {mayCall.value && (
          <a class="btn tiny" href={`/console/playground?model=${encodeURIComponent(name)}`}>
            Try
          </a>
        )}
      </header>
      <div class="pad col">
        <EditNotes edit={edit} />
        <Way model={model} models={models} waiting={waiting} />
        <Input
          label="Strategy"
          hint={STRATEGIES[strategy === '' && model.strategy === null ? effective : strategy]}
          value={strategy}
          options={[
            ['', model.strategy === null ? `${effective}, by the setting` : 'the setting'],
            ...Object.keys(STRATEGIES).map((each): Option => [each, each]),
          ]}
          onText={onTouch && ((to) => onTouch({ strategy: to }))}
        />
        <Fallbacks own={name} models={models} value={values['fallbacks'] ?? ''} onTouch={onTouch} />
        <Boxes
          boxes={boxesOf(LIMIT_BOXES, model)}
          values={values}
          faultOf={faultsOf(fault)}
          onTouch={onTouch}
        />
        <details open={MORE_BOXES.some((box) => (values[box.name] ?? '') !== '')}>
          <summary>Timeouts and retries</summary>
          <Boxes
            boxes={boxesOf(MORE_BOXES, model)}
            values={values}
            faultOf={faultsOf(fault)}
            onTouch={onTouch}
          />
        </details>
        <details open={(values['price.currency'] ?? '') !== ''}>
          <summary>Price</summary>
          <Boxes boxes={PRICE_BOXES} values={values} faultOf={faultsOf(fault)} onTouch={onTouch} />
        </details>
      </div>
      <footer>
        {mayWrite && (
          <>
            <button type="submit" class="btn main" disabled={!edit.isTouched}>
              Save
            </button>
            <button type="button" class="btn" disabled={!edit.isTouched} onClick={edit.reset}>
              Discard
            </button>
            {model.generation > 0 && (
              <button type="button" class="btn plain bad" onClick={() => setResetting(true)}>
                Reset to defaults
              </button>
            )}
          </>
        )}
        <span class="grow" />
        <Sql
          title={`The policy of ${name}`}
          text={`SELECT * FROM model WHERE name = '${name.replaceAll("'", "''")}';`}
        />
      </footer>
      {isResetting && (
        <Confirm
          title={`Reset ${name} to the defaults?`}
          text="Its policy is deleted: strategy, fallbacks, queue, timeouts and price. Its workers stay. The history can bring it back."
          word="Reset"
          onConfirm={() => void clear()}
          onClose={() => setResetting(false)}
        />
      )}
    </form>
  );
}

interface FallbacksProps {
  readonly own: string;
  readonly models: readonly Model[];
  readonly value: string;
  readonly onTouch: ((part: Readonly<Record<string, string>>) => void) | undefined;
}

/** Models that are tried in this order when none of its workers can answer. */
function Fallbacks({ own, models, value, onTouch }: FallbacksProps) {
  const chosen = value.split('\n').filter((each) => each !== '');
  const set = (names: readonly string[]): void => onTouch?.({ fallbacks: names.join('\n') });
  const others = models.map(({ name }) => name).filter((name) => name !== own && !chosen.includes(name));
  return (
    <fieldset class="col">
      <legend>Fallbacks, in order</legend>
      {chosen.length === 0 && <p class="sub">None: without a worker, the answer is 503.</p>}
      <ol>
        {chosen.map((name, index) => (
          <li key={name} class="row">
            <span class="sub">{index + 1}</span>
            <span class="grow">{name}</span>
            {onTouch !== undefined && (
              <>
                <button
                  type="button"
                  class="btn plain tiny"
                  aria-label={`Move ${name} up`}
                  disabled={index === 0}
                  onClick={() => set(chosen.with(index - 1, name).with(index, chosen[index - 1] ?? name))}
                >
                  Up
                </button>
                <button
                  type="button"
                  class="btn plain tiny"
                  aria-label={`Remove ${name}`}
                  onClick={() => set(chosen.filter((each) => each !== name))}
                >
                  Remove
                </button>
              </>
            )}
          </li>
        ))}
      </ol>
      {onTouch !== undefined && others.length > 0 && (
        <div>
          <select
            aria-label="Add a fallback"
            value=""
            onInput={({ currentTarget }) => {
              set([...chosen, currentTarget.value]);
              currentTarget.value = '';
            }}
          >
            <Options of={[['', 'Add a model'], ...others.map((name): Option => [name, name])]} />
          </select>
        </div>
      )}
    </fieldset>
  );
}
