import { signal } from '../../live/signal';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem, explain } from '../../api/client';
import { valueOf } from '../../api/edit';
import type { Worker } from '../../api/shapes';
import { Check, Input } from '../../parts/field';
import { readObject } from '../../words/json';
import { Fault } from '../../parts/note';
import { millis } from '../../words/numbers';
import { type Answered, lastModel, type PartProps } from './answer';
import { workerName } from './answered';
import { chat, type Message } from './chat';

interface Turn extends Message {
  readonly answered?: Answered | undefined;
  readonly fault?: string | undefined;
}

/** In memory alone: it is kept while other screens are shown, and gone with the page. */
const conversation = signal<readonly Turn[]>([]);

export function Chat({
  model,
  worker,
  workers,
  settings,
  ask,
  onSent,
  onAnswered,
}: PartProps & { readonly ask: string }) {
  const turns = conversation.value;
  const [text, setText] = useState(ask);
  const [system, setSystem] = useState('');
  const [temperature, setTemperature] = useState('');
  const [maxTokens, setMaxTokens] = useState('');
  const [isStreamed, setStreamed] = useState(true);
  const [raw, setRaw] = useState('');
  const [running, setRunning] = useState<AbortController | null>(null);
  const further = raw.trim() === '' ? {} : readObject(raw);

  const submit = async (): Promise<void> => {
    if (text.trim() === '' || running !== null || model === '' || typeof further === 'string') return;
    const messages: readonly Message[] = [...turns.filter(isHistory), { role: 'user', content: text }];
    const body = {
      model,
      messages: [
        ...(system === '' ? [] : [{ role: 'system', content: system }]),
        ...messages.map(({ role, content }) => ({ role, content })),
      ],
      ...(temperature !== '' && { temperature: valueOf(temperature, true) }),
      ...(maxTokens !== '' && { max_tokens: valueOf(maxTokens, true) }),
      ...(isStreamed && { stream: true, stream_options: { include_usage: true } }),
      ...further,
    };
    const before: readonly Turn[] = [...turns, { role: 'user', content: text }];
    const abort = new AbortController();
    lastModel.value = model;
    setRunning(abort);
    conversation.value = [...before, { role: 'assistant', content: '' }];
    setText('');
    onSent({ path: '/v1/chat/completions', body });
    onAnswered(null);
    let last: Turn = { role: 'assistant', content: '' };
    const show = (turn: Turn): void => {
      last = turn;
      conversation.value = [...before, turn];
    };
    try {
      await chat(body, worker, abort.signal, (content, answered) => {
        show({ role: 'assistant', content, answered });
        onAnswered(answered);
      });
    } catch (error) {
      if (abort.signal.aborted) show({ ...last, fault: 'Stopped.' });
      else {
        show({ ...last, fault: explain(error) });
        if (error instanceof ApiProblem) onAnswered(null);
      }
    }
    setRunning(null);
  };

  // What a link brings along is sent at once, when its model is known.
  const isSent = useRef(ask === '');
  useEffect(() => {
    if (isSent.current || model === '') return;
    isSent.current = true;
    void submit();
  }, [model]);

  return (
    <>
      <div class="panel pad col">
        {settings}
        <Input label="System prompt" rows={3} placeholder="none" value={system} onText={setSystem} />
        <div class="grid3">
          <Input
            label="Temperature"
            type="number"
            placeholder="its own"
            value={temperature}
            onText={setTemperature}
          />
          <Input
            label="Max tokens"
            type="number"
            placeholder="its own"
            value={maxTokens}
            onText={setMaxTokens}
          />
        </div>
        <Check label="Stream" isOn={isStreamed} onSwitch={setStreamed} />
        <details>
          <summary>Further fields</summary>
          <Input
            label="JSON"
            hint="Any fields of the API. They are sent as they stand."
            fault={typeof further === 'string' && further}
            type="json"
            placeholder='{"seed": 1}'
            value={raw}
            onText={setRaw}
          />
        </details>
      </div>
      <div class="panel">
        <ol class="chat" aria-label="Conversation">
          {turns.map((turn, index) => (
            <TurnItem
              key={index}
              turn={turn}
              workers={workers}
              isRunning={running !== null && index === turns.length - 1}
            />
          ))}
        </ol>
        <form
          class="compose"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Input
            label="Message"
            rows={2}
            placeholder={model === '' ? 'No model is registered' : `To ${model}`}
            value={text}
            onText={setText}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              void submit();
            }}
          />
          <div class="row">
            <span class="sub small">
              <kbd>Enter</kbd> sends, <kbd>Shift Enter</kbd> breaks the line
            </span>
            <span class="grow" />
            <button type="button" class="btn plain" onClick={() => (conversation.value = [])}>
              New chat
            </button>
            {running === null ? (
              <button type="submit" class="btn main">
                Send
              </button>
            ) : (
              <button type="button" class="btn" onClick={() => running.abort()}>
                Stop
              </button>
            )}
          </div>
        </form>
      </div>
    </>
  );
}

/** A message without an answer is no part of what follows. */
const isHistory = ({ fault }: Turn, index: number, all: readonly Turn[]): boolean =>
  fault === undefined && all[index + 1]?.fault === undefined;

interface TurnProps {
  readonly turn: Turn;
  readonly workers: readonly Worker[];
  readonly isRunning: boolean;
}

/** Text stays text: what a model writes is never markup. */
function TurnItem({ turn: { role, content, answered, fault }, workers, isRunning }: TurnProps) {
  const {
    workerId = null,
    attempts = null,
    tokensIn = null,
    tokensOut = null,
    firstTokenMs = null,
  } = answered ?? {};
  return (
    <li class={role === 'user' ? 'you' : 'it'}>
      <p>
        {content}
        {isRunning && <span class="caret" aria-label="The answer is coming" role="img" />}
      </p>
      {fault !== undefined && <Fault>{fault}</Fault>}
      {workerId !== null && !isRunning && (
        <span class="small">
          <b>{workerName(workers, workerId)}</b>
          <span>{attempts === '1' ? '1 attempt' : `${attempts ?? '–'} attempts`}</span>
          {tokensIn !== null && (
            <span>
              {tokensIn} in, {tokensOut ?? '–'} out
            </span>
          )}
          <span>first token {millis(firstTokenMs)}</span>
        </span>
      )}
    </li>
  );
}
