import './first-start.css';
import { useState } from 'preact/hooks';
import { explain, post } from '../../api/client';
import { useData } from '../../api/data';
import { mayChangeWorkers, session } from '../../api/session';
import { route } from '../../live/location';
import { Code } from '../../parts/code';
import { Icon } from '../../parts/icon';
import { Fault } from '../../parts/note';
import { Screen } from '../../parts/screen';
import { State } from '../../parts/state';
import type { WholeWorker } from '../../api/shapes';
import { stateOf } from '../../words/states';
import { curlOf } from '../playground/copy-as';

const ECHO = {
  model_name: 'echo',
  req_url_template: `${location.origin}/echo`,
  body: { input: '{USER_PROMPT}' },
  response_extract: 'output',
} as const;
const OTHER = { ...ECHO, model_name: 'my-model', req_url_template: 'http://10.0.0.7:8000/generate' };
const QUESTION = 'who are you?';
const NONE = 'No worker is registered yet';

interface Kept {
  /** Whether this screen stays, although there is a worker by now. */
  readonly onKeep: (isKept: boolean) => void;
}

/** An empty registry: three ways to the first worker. */
export default function FirstStart({ onKeep }: Kept) {
  const [made, setMade] = useState<string | null>(null);
  if (!mayChangeWorkers.value)
    return (
      <Screen title={NONE} windowTitle="Workers">
        <p class="sub">Workers appear here as soon as an administrator or a registrar has registered one.</p>
      </Screen>
    );
  // Without protected mode the echo worker would need a key of its own.
  const hasEcho = session.value?.protected_mode === true;
  return (
    <Screen
      title={made === null ? NONE : 'The echo worker is registered'}
      windowTitle="Workers"
      beside={
        made === null && <p>A worker is a URL and how to call it. These are the ways to the first one.</p>
      }
    >
      <ol class="ways">
        {hasEcho && <EchoWay made={made} onMade={setMade} onKeep={onKeep} />}
        <li class="panel">
          <h2>Register a server</h2>
          <p class="sub">
            vLLM, SGLang, Ollama, llama.cpp, ChatGPT, Claude, Gemini, Stable Diffusion and others have
            presets. Any other HTTP server is described by its own JSON; a dry run shows what would be sent,
            and what comes back.
          </p>
          <div class="row">
            <a class="btn" href="/console/register">
              Register a worker
            </a>
          </div>
        </li>
        <li class="panel">
          <h2>From a terminal or a start script</h2>
          <p class="sub">The same by the API. A server can register itself when it starts.</p>
          <Code
            text={curlOf({
              path: '/api/v1/workers',
              body: hasEcho ? ECHO : OTHER,
            })}
          />
        </li>
      </ol>
    </Screen>
  );
}

interface EchoProps extends Kept {
  /** The id of the echo worker. */
  readonly made: string | null;
  readonly onMade: (id: string) => void;
}

function EchoWay({ made, onMade, onKeep }: EchoProps) {
  const { value: worker } = useData<WholeWorker>(
    made && `/api/v1/workers/${made}`,
    ({ kind, id }) => kind === 'worker' && id === made,
  );
  const [fault, setFault] = useState('');
  const register = async (): Promise<void> => {
    onKeep(true);
    try {
      // As the README registers it: one worker, whichever comes first.
      onMade((await post<WholeWorker>('/api/v1/workers', ECHO)).id);
    } catch (error) {
      onKeep(false);
      setFault(explain(error));
    }
  };
  return (
    <li class="panel">
      <h2>Try it with the echo worker</h2>
      <p class="sub">It is built in and stands for a model: it answers what it is given.</p>
      {made !== null ? (
        <div class="row">
          {worker !== undefined && <State state={stateOf(worker)} />}
          <span class="grow">{worker?.health_reason}</span>
          <button type="button" class="btn main" onClick={() => route(askIt())}>
            Ask it
          </button>
          <button type="button" class="btn" onClick={() => onKeep(false)}>
            Show it
          </button>
        </div>
      ) : (
        <div class="row">
          <button type="button" class="btn main" onClick={() => void register()}>
            <Icon shape="plus" />
            Register the echo worker
          </button>
        </div>
      )}
      {fault !== '' && <Fault>{fault}</Fault>}
    </li>
  );
}

const askIt = (): string => `/console/playground?model=echo&ask=${encodeURIComponent(QUESTION)}`;
