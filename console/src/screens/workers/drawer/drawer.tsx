import './drawer.css';
import { useState } from 'preact/hooks';
import { useLocation } from '../../../live/location';
import { useData } from '../../../api/data';
import { call } from '../../../api/client';
import { isAdmin, mayCall, mayChangeWorkers } from '../../../api/session';
import { nameOf, type WholeWorker } from '../../../api/shapes';
import { Confirm } from '../../../parts/confirm';
import { Code } from '../../../parts/code';
import { Dialog } from '../../../parts/dialog';
import { Icon } from '../../../parts/icon';
import { Fault, Problem } from '../../../parts/note';
import { NoteBox, Skeleton } from '../../../parts/screen';
import { Power, State } from '../../../parts/state';
import { Switch } from '../../../parts/switch';
import { Tabs } from '../../../parts/tabs';
import { Since } from '../../../parts/time';
import { attempt, toast } from '../../../parts/toast';
import { timeOf } from '../../../words/numbers';
import { stateOf } from '../../../words/states';
import { type Act, change, probe, refused } from '../actions';
import { DefinitionTab } from './definition';
import { DryRunTab } from './dry-run';
import { EventsTab } from './events';
import { HealthTab } from './health';

interface DrawerProps {
  readonly id: string;
  readonly tab: string;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

/** One worker: why it is as it is, its definition, a dry run, its history. */
export default function Drawer({ id, tab, onClose, onChanged }: DrawerProps) {
  const { route } = useLocation();
  const data = useData<WholeWorker>(
    `/api/v1/workers/${id}`,
    ({ kind, id: changed }) => kind === 'worker' && changed === id,
  );
  const { value: worker, etag, problem, reload, put } = data;
  const tabs = [
    { id: 'health', name: 'Health' },
    { id: 'definition', name: 'Definition' },
    ...(isAdmin.value ? [{ id: 'dry-run', name: 'Dry run' }] : []),
    { id: 'events', name: 'Events' },
    { id: 'sql', name: 'SQL' },
  ];
  const name = worker === undefined ? 'Worker' : nameOf(worker);
  return (
    <Dialog label={name} kind="drawer" onClose={onClose}>
      <div>
        <div class="dhead">
          <div class="row">
            {worker !== undefined && (
              <>
                <State state={stateOf(worker)} />
                <span class="sub">
                  for <Since at={sinceOf(worker)} />, since {timeOf(sinceOf(worker))}
                </span>
                <Power of={worker.power} />
              </>
            )}
            <span class="grow" />
            <button type="button" class="btn plain icon" aria-label="Close" onClick={onClose}>
              <Icon shape="close" />
            </button>
          </div>
          {/* Where the focus starts. */}
          <h2 tabIndex={-1} ref={(heading) => heading?.focus()} key={worker === undefined ? 'none' : 'known'}>
            {name}
            {worker !== undefined && (
              <>
                {' '}
                <span class="sub">of</span>{' '}
                <a href={`/console/models/${encodeURIComponent(worker.model_name)}`}>{worker.model_name}</a>
              </>
            )}
          </h2>
          <Problem problem={problem} retry={reload} />
          {worker !== undefined && (
            <Head
              worker={worker}
              onPut={(part) => put({ ...worker, ...part })}
              onChanged={onChanged}
              onClose={onClose}
            />
          )}
        </div>
        <Tabs
          label="About the worker"
          tabs={tabs}
          selected={tab}
          onSelect={(to) => route(`/console/workers/${id}/${to}${location.search}`)}
        />
        <div class="dbody" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          {worker === undefined ? (
            problem === null && <Skeleton />
          ) : (
            <>
              {tab === 'health' && <HealthTab worker={worker} />}
              {tab === 'definition' && (
                <DefinitionTab worker={worker} etag={etag} onSaved={() => (reload(), onChanged())} />
              )}
              {tab === 'dry-run' && <DryRunTab worker={worker} />}
              {tab === 'events' && <EventsTab worker={worker} />}
              {tab === 'sql' && <SqlTab worker={worker} />}
            </>
          )}
        </div>
      </div>
    </Dialog>
  );
}

const sinceOf = ({ admin_state, admin_state_since, health_since }: WholeWorker): string =>
  admin_state === 'enabled' ? health_since : admin_state_since;

interface HeadProps {
  readonly worker: WholeWorker;
  readonly onPut: (part: Partial<WholeWorker>) => void;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

function Head({ worker, onPut, onChanged, onClose }: HeadProps) {
  const { id, model_name, admin_state, health_reason, last_error } = worker;
  const put = (_: string, part: Partial<WholeWorker>): void => onPut(part);
  const act = async (what: Act): Promise<void> => {
    await change(worker, what, put, note);
    setNote('');
    onChanged();
  };
  const remove = (): Promise<void> =>
    attempt(async () => {
      await call('DELETE', `/api/v1/workers/${id}`);
      toast(`${nameOf(worker)} is deleted`);
      onChanged();
      onClose();
    });
  const isOn = admin_state === 'enabled';
  const [note, setNote] = useState('');
  const [isDeleting, setDeleting] = useState(false);
  const fault = refused.value[id];
  return (
    <>
      <p>{health_reason}</p>
      {last_error !== null && <p class="sub">The last request that failed: {last_error}</p>}
      {fault !== undefined && <Fault>{fault}</Fault>}
      <div class="row">
        <Switch
          name={`${nameOf(worker)} takes requests`}
          isOn={isOn}
          onSwitch={mayChangeWorkers.value ? (to) => void act(to ? 'enable' : 'disable') : undefined}
        />
        {mayChangeWorkers.value && (
          <>
            <button type="button" class="btn" onClick={() => void probe(worker, put)}>
              Probe now
            </button>
            <button type="button" class="btn" disabled={!isOn} onClick={() => void act('drain')}>
              Drain
            </button>
          </>
        )}
        {mayCall.value && (
          <a class="btn" href={`/console/playground?model=${encodeURIComponent(model_name)}&worker=${id}`}>
            Try
          </a>
        )}
        {mayChangeWorkers.value && (
          <>
            <NoteBox note={note} onNote={setNote} />
            <button
              type="button"
              class="btn plain"
              disabled={admin_state === 'offline'}
              onClick={() => void act('offline')}
            >
              Take offline
            </button>
            <button type="button" class="btn plain bad" onClick={() => setDeleting(true)}>
              Delete
            </button>
          </>
        )}
      </div>
      {isDeleting && (
        <Confirm
          title={`Delete ${nameOf(worker)} of ${model_name}?`}
          text="It gets no further requests, and its definition is gone. Its history stays."
          word="Delete"
          onConfirm={() => void remove()}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  );
}

function SqlTab({ worker: { id } }: { readonly worker: WholeWorker }) {
  const queries = [
    ['What it is', `SELECT * FROM worker_overview WHERE id = '${id}';`],
    [
      'What happened',
      `SELECT at, kind, actor, via, before, after, note FROM event\nWHERE subject = 'worker' AND subject_id = '${id}' ORDER BY id DESC LIMIT 50;`,
    ],
    ['How it is probed', `SELECT * FROM worker_probe WHERE worker_id = '${id}';`],
    [
      'Off and on',
      `UPDATE worker SET admin_state = 'disabled' WHERE id = '${id}';\nUPDATE worker SET admin_state = 'enabled' WHERE id = '${id}';`,
    ],
  ] as const;
  return (
    <>
      {queries.map(([title, text]) => (
        <div key={title} class="col">
          <h3>{title}</h3>
          <Code text={text} />
        </div>
      ))}
      <p class="sub">
        Every replica obeys a change in psql within a second, and the history shows it with the database user.
      </p>
    </>
  );
}
