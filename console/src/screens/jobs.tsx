import { signal } from '../live/signal';
import { useLocation } from '../live/location';
import { call, query, type Schemas } from '../api/client';
import { useList } from '../api/list';
import { mayCall } from '../api/session';
import { Choice, Search, Select } from '../parts/choice';
import { Sql } from '../parts/code';
import { Confirm } from '../parts/confirm';
import type { Option } from '../parts/field';
import { Screen } from '../parts/screen';
import { JOB_STATES, JobMark } from '../parts/state';
import { type Column, ListPanel, Table } from '../parts/table';
import { attempt, toast } from '../parts/toast';
import { duration, exactTime, timeOf } from '../words/numbers';

type Job = Schemas['JobDto'];

const STATES = [
  ['', 'All'] as const,
  ...Object.entries(JOB_STATES).map(([status, [, word]]): Option => [status, word]),
];
const KINDS = ['image', 'video', 'audio', 'text'] as const;

const cancelling = signal<Job | null>(null);

/** What runs, waits and has ended, newest first. */
export default function Jobs() {
  const { query: chosen, route } = useLocation();
  const { state = '', kind = '', model = '' } = chosen;
  const go = (part: Readonly<Record<string, string>>): void =>
    route(`/console/jobs${query({ state, kind, model, ...part })}`);
  const list = useList<Job>(
    `/api/v1/jobs${query({ status: state, kind, model })}`,
    (change) => change.kind === 'job',
  );
  const cancel = async ({ id }: Job): Promise<void> => {
    await attempt(async () => {
      const { value } = await call<Job>('DELETE', `/api/v1/jobs/${id}`);
      toast(value.ended_at === null ? 'The cancel is sent to the server' : `The job is ${value.status}`);
    });
    list.reload();
  };
  const toCancel = cancelling.value;
  return (
    <Screen
      title="Jobs"
      beside={
        <>
          <p>Images, films and other long work, newest first</p>
          <span class="grow" />
          <Sql title="Jobs that have not ended" text={QUERY} />
        </>
      }
    >
      <div class="filters" role="search" aria-label="Filter jobs">
        <Search label="Model" value={model} onPick={(to) => go({ model: to })} />
        <Choice
          label="State"
          kind="chips"
          options={STATES}
          value={state}
          onPick={(to) => go({ state: to })}
        />
        <span class="grow" />
        <Select
          label="Kind"
          value={kind}
          options={[['', 'Any kind'], ...KINDS.map((each): Option => [each, each])]}
          onPick={(to) => go({ kind: to })}
        />
      </div>
      <ListPanel
        list={list}
        empty={
          state + kind + model === '' ? (
            'There is no job. What is sent to /v1/videos, and long work of other models, stands here.'
          ) : (
            <>
              No job is like that.{' '}
              <button type="button" class="btn tiny" onClick={() => route('/console/jobs')}>
                Show all
              </button>
            </>
          )
        }
      >
        {(rows) => (
          <Table caption="Jobs, newest first" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
        )}
      </ListPanel>
      {toCancel !== null && (
        <Confirm
          title={`Cancel ${toCancel.id}?`}
          text={`The ${toCancel.kind} of ${toCancel.model} is not made any further.`}
          word="Cancel the job"
          onConfirm={() => void cancel(toCancel)}
          onClose={() => (cancelling.value = null)}
        />
      )}
    </Screen>
  );
}

const COLUMNS: readonly Column<Job>[] = [
  {
    name: 'What',
    cell: ({ id, kind, title, key }) => (
      <>
        <span class="name">{title === null || title === '' ? kind : title}</span>
        <br />
        <span class="sub small">
          {kind}
          {key !== null && ` of ${key}`} <code>{id}</code>
        </span>
      </>
    ),
  },
  { name: 'State', kind: 'wide', cell: (job) => <JobState job={job} /> },
  {
    name: 'Model',
    cell: ({ model }) => <a href={`/console/models/${encodeURIComponent(model)}`}>{model}</a>,
  },
  {
    name: 'Worker',
    cell: ({ worker_id }) =>
      worker_id === null ? (
        <span class="sub">none</span>
      ) : (
        <a href={`/console/workers/${worker_id}`}>{worker_id.slice(0, 8)}</a>
      ),
  },
  {
    name: 'Made',
    kind: 'num',
    cell: ({ created_at }) => (
      <time dateTime={created_at} title={exactTime(created_at)}>
        {timeOf(created_at)}
      </time>
    ),
  },
  { name: '.Actions', kind: 'num wide', cell: (job) => <Actions job={job} /> },
];

function JobState({ job }: { readonly job: Job }) {
  const {
    id,
    status,
    progress,
    queue_position,
    note,
    upstream_status,
    error,
    created_at,
    ended_at,
    expires_at,
  } = job;
  const parts = {
    running: [`${progress} %`, upstream_status, note],
    queued: [queue_position === null ? '' : `place ${queue_position} at the server`, upstream_status, note],
    succeeded: [
      ended_at === null ? '' : `in ${duration(Date.parse(ended_at) - Date.parse(created_at))}`,
      expires_at === null ? '' : `kept until ${timeOf(expires_at)}`,
    ],
    failed: [error?.message ?? '', error?.code ?? ''],
    cancelled: [error?.message ?? ''],
  }[status];
  return (
    <span class={`s-${JOB_STATES[status][0]}`}>
      <JobMark status={status} />
      <br />
      <span class="sub small">{parts.filter((each) => each !== '').join(', ')}</span>
      {status === 'running' && (
        <progress value={progress} max="100" aria-label={`Progress of ${id}`}>
          {progress} %
        </progress>
      )}
    </span>
  );
}

function Actions({ job }: { readonly job: Job }) {
  if (!mayCall.value) return null;
  const { id, result, ended_at } = job;
  if (ended_at === null)
    return (
      <button
        type="button"
        class="btn tiny"
        aria-label={`Cancel ${id}`}
        onClick={() => (cancelling.value = job)}
      >
        Cancel
      </button>
    );
  return (
    <>
      {(result?.files ?? []).map(({ content_type, bytes }, index) => (
        <a
          key={index}
          class="btn tiny"
          href={`/api/v1/jobs/${id}/files/${index}`}
          target="_blank"
          rel="noreferrer"
          title={[content_type, bytes === null ? null : `${bytes} bytes`]
            .filter((each) => each !== null)
            .join(', ')}
          aria-label={`Open file ${index + 1} of ${id}`}
        >
          Open
        </a>
      ))}
    </>
  );
}

const QUERY = `SELECT id, model_name, state, state_for, why, worker_name, progress, age
FROM job_overview
WHERE ended_at IS NULL
ORDER BY created_at;`;
