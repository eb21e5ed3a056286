import { useEffect, useState } from 'preact/hooks';
import { ApiProblem, call, explain, post, type Schemas, send } from '../../api/client';
import { valueOf } from '../../api/edit';
import { Input } from '../../parts/field';
import { Fault } from '../../parts/note';
import { JobMark } from '../../parts/state';
import { answeredBy, type PartProps } from './answer';
import { headersFor } from './chat';

type Job = Schemas['JobDto'];

interface Images {
  readonly data: readonly { readonly b64_json?: string; readonly url?: string }[];
}

/** Pictures and films. They are shown from memory (`blob:`), never from another origin. */
export function Media({
  kind,
  model,
  worker,
  settings,
  onSent,
  onAnswered,
}: PartProps & { readonly kind: 'image' | 'video' }) {
  const [text, setText] = useState('');
  const [many, setMany] = useState('1');
  const [size, setSize] = useState('');
  const [seconds, setSeconds] = useState('');
  const [files, setFiles] = useState<readonly string[]>([]);
  const [title, setTitle] = useState('');
  const [job, setJob] = useState<Job | null>(null);
  const [fault, setFault] = useState('');
  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => () => files.forEach((url) => URL.revokeObjectURL(url)), [files]);
  useFollowedJob(job, setJob, async (done) => {
    try {
      setFiles(await Promise.all((done.result?.files ?? []).map(fileOf)));
    } catch (error) {
      setFault(explain(error));
    }
  });

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (text.trim() === '' || isWaiting) return;
    const shared = { model, prompt: text, ...(size !== '' && { size }) };
    setWaiting(true);
    setFault('');
    setFiles([]);
    setJob(null);
    setTitle(text);
    onAnswered(null);
    const began = performance.now();
    try {
      if (kind === 'video') {
        const body = { ...shared, ...(seconds !== '' && { seconds: valueOf(seconds, true) }) };
        onSent({ path: '/api/v1/jobs', body });
        setJob(await post<Job>('/api/v1/jobs', body));
      } else {
        const body = { ...shared, n: valueOf(many, true), response_format: 'b64_json' };
        onSent({ path: '/v1/images/generations', body });
        const { value, headers } = await call<Images>('POST', '/v1/images/generations', {
          body,
          headers: headersFor(worker),
        });
        onAnswered({ ...answeredBy(headers), wholeMs: performance.now() - began });
        const shown = value.data.flatMap(({ b64_json }) =>
          b64_json === undefined ? [] : [pictureOf(b64_json)],
        );
        setFiles(shown);
        if (shown.length === 0)
          setFault(
            `The worker answered with addresses, which this page does not open: ${value.data.map(({ url }) => url).join(' ')}`,
          );
      }
    } catch (error) {
      setFault(explain(error));
    }
    setWaiting(false);
  };

  return (
    <>
      <div class="panel pad col">
        {settings}
        <div class="grid3">
          {kind === 'image' ? (
            <Input label="How many" type="number" value={many} onText={setMany} />
          ) : (
            <Input label="Seconds" type="number" placeholder="its own" value={seconds} onText={setSeconds} />
          )}
          <Input label="Size" placeholder="its own" value={size} onText={setSize} />
        </div>
      </div>
      <div class="panel">
        <header>
          <h2>{title === '' ? (kind === 'image' ? 'Images' : 'Videos') : title}</h2>
        </header>
        <div class="pad col">
          {isWaiting && <p class="sub">The request is running.</p>}
          {job !== null && <JobState job={job} onCancelled={setJob} />}
          {fault !== '' && <Fault>{fault}</Fault>}
          <div class="shots">
            {files.map((url, index) => (
              <figure key={url}>
                {kind === 'image' ? (
                  <img src={url} alt={`Result ${index + 1}: ${title}`} />
                ) : (
                  <video src={url} controls aria-label={title} />
                )}
                <figcaption>
                  <a class="btn plain tiny" href={url} download={`${model}-${index + 1}`} target="_self">
                    Save<span class="vh"> result {index + 1}</span>
                  </a>
                </figcaption>
              </figure>
            ))}
          </div>
        </div>
        <form class="compose" onSubmit={(event) => void submit(event)}>
          <Input
            label="Message"
            rows={2}
            placeholder={`Describe ${kind === 'image' ? 'an image' : 'a video'}`}
            value={text}
            onText={setText}
          />
          <div class="row">
            <span class="grow" />
            <button type="submit" class="btn main">
              Send
            </button>
          </div>
        </form>
      </div>
    </>
  );
}

function JobState({ job, onCancelled }: { readonly job: Job; readonly onCancelled: (job: Job) => void }) {
  const { id, status, progress, error, note, queue_position } = job;
  const isOver = status !== 'queued' && status !== 'running';
  const cancel = async (): Promise<void> =>
    onCancelled((await call<Job>('DELETE', `/api/v1/jobs/${id}`)).value);
  return (
    <>
      <div class="row">
        <JobMark status={status} />
        {!isOver && <b>{progress} %</b>}
        <span class="sub">
          {error?.message ?? (queue_position === null ? note : `${queue_position} before it`)}
        </span>
        <span class="grow" />
        {!isOver && (
          <button type="button" class="btn tiny" onClick={() => void cancel()}>
            Cancel
          </button>
        )}
      </div>
      {!isOver && (
        <>
          <progress value={progress} max="100" aria-label="Progress" />
          <p class="sub">The job goes on when this page is left.</p>
        </>
      )}
    </>
  );
}

/** Until the job is over, by its events; the browser connects again by itself. */
function useFollowedJob(
  job: Job | null,
  onChange: (job: Job) => void,
  onDone: (job: Job) => Promise<void>,
): void {
  const id = job?.id;
  useEffect(() => {
    if (id === undefined) return;
    const source = new EventSource(`/api/v1/jobs/${id}/events`);
    source.addEventListener('job', ({ data }: MessageEvent<string>) => {
      const now = JSON.parse(data) as Job;
      onChange(now);
      if (now.status === 'queued' || now.status === 'running') return;
      source.close();
      if (now.status === 'succeeded') void onDone(now);
    });
    return () => source.close();
  }, [id]);
}

async function fileOf({ url }: Schemas['JobFileDto']): Promise<string> {
  const { pathname, search, origin } = new URL(url, location.href);
  if (origin !== location.origin) throw new ApiProblem(0, null, `The file is at ${url}`);
  const response = await send('GET', pathname + search);
  return URL.createObjectURL(await response.blob());
}

function pictureOf(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (each) => each.codePointAt(0) ?? 0);
  return URL.createObjectURL(new Blob([bytes], { type: bytes[0] === 0xff ? 'image/jpeg' : 'image/png' }));
}
