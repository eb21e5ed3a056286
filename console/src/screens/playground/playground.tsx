import './playground.css';
import { useLocation } from 'preact-iso';
import { useMemo, useState } from 'preact/hooks';
import { query } from '../../api/client';
import { useData } from '../../api/data';
import { isAdmin, mayCall, session } from '../../api/session';
import { nameOf, type WorkerPage } from '../../api/shapes';
import { Field } from '../../parts/field';
import { Screen } from '../../parts/screen';
import { STATE_WORDS, stateOf } from '../../words/states';
import { type Answered, lastModel, type Sent } from './answer';
import { HowAnswered } from './answered';
import { Chat } from './chat-panel';
import { CopyAs } from './copy-as';
import { Media } from './media';

const KINDS = ['chat', 'image', 'video'] as const;
const KIND_WORDS = { chat: 'Chat', image: 'Image', video: 'Video' } as const;

/** Of the lists of models: that of clients names them `id`, that of policies `name`. */
interface ModelNames {
  readonly data: readonly { readonly id?: string; readonly name?: string }[];
}

/** Tries a model, or one worker of it. Chats are kept in memory alone. */
export default function Playground() {
  const { query: chosen, route } = useLocation();
  const kind = KINDS.find((each) => each === chosen['kind']) ?? 'chat';
  // The list for clients has no models whose workers are all off: an operator wants to see how these answer.
  const path = session.value?.role === 'inference' ? '/v1/models' : '/api/v1/models?limit=100';
  const models = useData<ModelNames>(
    path,
    ({ kind: changed }) => changed === 'model' || changed === 'worker',
  );
  const ids = useMemo(
    () => [...new Set((models.value?.data ?? []).map(({ id, name }) => name ?? id ?? ''))].toSorted(),
    [models.value],
  );
  const model = chosen['model'] ?? (lastModel.value === '' ? (ids[0] ?? '') : lastModel.value);
  const worker = chosen['worker'] ?? '';
  const workers = useData<WorkerPage>(
    model === '' ? null : `/api/v1/workers${query({ model_name: model, limit: 100 })}`,
    ({ kind: changed, modelName }) => changed === 'worker' && modelName === model,
  );
  const [answered, setAnswered] = useState<Answered | null>(null);
  const [sent, setSent] = useState<Sent | null>(null);
  const go = (part: Readonly<Record<string, string>>): void =>
    route(`/console/playground${query({ kind: kind === 'chat' ? '' : kind, model, worker, ...part })}`);
  const own = workers.value?.data ?? [];
  const parts = { model, worker, onSent: setSent, onAnswered: setAnswered, workers: own };
  const settings = (
    <>
      <Field
        label="Model"
        control={(tied) => (
          <select
            {...tied}
            value={model}
            onChange={({ currentTarget }) => go({ model: currentTarget.value, worker: '' })}
          >
            {(ids.includes(model) || model === '' ? ids : [model, ...ids]).map((id) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        )}
      />
      {isAdmin.value && (
        <Field
          label="Worker"
          control={(tied) => (
            <select
              {...tied}
              value={worker}
              onChange={({ currentTarget }) => go({ worker: currentTarget.value })}
            >
              <option value="">As balanced</option>
              {own.map((each) => (
                <option key={each.id} value={each.id}>
                  {nameOf(each)}: {STATE_WORDS[stateOf(each)].toLowerCase()}
                </option>
              ))}
            </select>
          )}
        />
      )}
    </>
  );
  return (
    <Screen
      title="Playground"
      beside={
        <>
          <div class="seg" role="group" aria-label="Kind">
            {KINDS.map((each) => (
              <button
                key={each}
                type="button"
                aria-pressed={each === kind}
                onClick={() => go({ kind: each === 'chat' ? '' : each })}
              >
                {KIND_WORDS[each]}
              </button>
            ))}
          </div>
          <span class="grow" />
          <span class="sub small">Counted as your own requests</span>
        </>
      }
    >
      {mayCall.value ? (
        <div class="play">
          {kind === 'chat' ? (
            <Chat {...parts} settings={settings} ask={chosen['ask'] ?? ''} />
          ) : (
            <Media key={kind} {...parts} settings={settings} kind={kind} />
          )}
          <div class="col">
            <HowAnswered answered={answered} workers={own} />
            {sent !== null && <CopyAs {...sent} worker={worker} />}
          </div>
        </div>
      ) : (
        <p>This role calls no models. A key with the role inference, operator or admin does.</p>
      )}
    </Screen>
  );
}
