import './playground.css';
import { useLocation } from '../../live/location';
import { useMemo, useState } from 'preact/hooks';
import { query } from '../../api/client';
import { useData } from '../../api/data';
import { isAdmin, mayCall, session } from '../../api/session';
import { nameOf, type WorkerPage } from '../../api/shapes';
import { Choice } from '../../parts/choice';
import { Input, type Option } from '../../parts/field';
import { Screen } from '../../parts/screen';
import { STATE_WORDS, stateOf } from '../../words/states';
import { type Answered, lastModel, type Sent } from './answer';
import { HowAnswered } from './answered';
import { Chat } from './chat-panel';
import { CopyAs } from './copy-as';
import { Media } from './media';

const KINDS = [
  ['chat', 'Chat'],
  ['image', 'Image'],
  ['video', 'Video'],
] as const;

/** Of the lists of models: that of clients names them `id`, that of policies `name`. */
interface ModelNames {
  readonly data: readonly { readonly id?: string; readonly name?: string }[];
}

/** Tries a model, or one worker of it. Chats are kept in memory alone. */
export default function Playground() {
  const { query: chosen, route } = useLocation();
  const kind = KINDS.find(([each]) => each === chosen['kind'])?.[0] ?? 'chat';
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
      <Input
        label="Model"
        value={model}
        options={(ids.includes(model) || model === '' ? ids : [model, ...ids]).map((id) => [id, id])}
        onText={(to) => go({ model: to, worker: '' })}
      />
      {isAdmin.value && (
        <Input
          label="Worker"
          value={worker}
          options={[
            ['', 'As balanced'],
            ...own.map((each): Option => [
              each.id,
              `${nameOf(each)}: ${STATE_WORDS[stateOf(each)].toLowerCase()}`,
            ]),
          ]}
          onText={(to) => go({ worker: to })}
        />
      )}
    </>
  );
  return (
    <Screen
      title="Playground"
      beside={
        <>
          <Choice
            label="Kind"
            kind="seg"
            options={KINDS}
            value={kind}
            onPick={(to) => go({ kind: to === 'chat' ? '' : to })}
          />
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
