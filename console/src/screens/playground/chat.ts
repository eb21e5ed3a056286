import { ApiProblem, problemOf, send } from '../../api/client';
import { readEvents } from '../../api/events';
import { answeredBy, type Answered, explanationIn } from './answer';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly message?: { readonly content?: string | null };
  }[];
  readonly usage?: Usage | null;
  readonly error?: { readonly message?: string };
}

/** Called with all of the text so far, and with what is known of how it is answered. */
type Progress = (text: string, answered: Answered) => void;

/** The headers that the page adds to a request: which worker is wanted, and that the answer is to be explained. */
export function headersFor(worker: string): Record<string, string> {
  return { 'x-mmm-explain': '1', ...(worker !== '' && { 'x-mmm-worker': worker }) };
}

/** Sends a chat, and reads its answer, streamed or whole. @throws ApiProblem */
export async function chat(
  body: object,
  worker: string,
  abort: AbortSignal,
  progress: Progress,
): Promise<void> {
  const began = performance.now();
  const since = (): number => performance.now() - began;
  const response = await send('POST', '/v1/chat/completions', {
    body,
    headers: headersFor(worker),
    signal: abort,
  });
  if (!response.ok) throw await problemOf(response);
  let answered = answeredBy(response.headers);
  let text = '';
  const take = ({ choices, usage, error }: Chunk): void => {
    if (error !== undefined)
      throw new ApiProblem(502, null, error.message ?? 'The stream failed.', [], answered.requestId);
    const [choice] = choices ?? [];
    const piece = choice?.delta?.content ?? choice?.message?.content ?? '';
    if (piece !== '') answered = { ...answered, firstTokenMs: answered.firstTokenMs ?? since() };
    const { prompt_tokens = null, completion_tokens = null } = usage ?? {};
    if (usage) answered = { ...answered, tokensIn: prompt_tokens, tokensOut: completion_tokens };
    text += piece;
    progress(text, answered);
  };
  if (
    response.headers.get('content-type')?.startsWith('text/event-stream') === true &&
    response.body !== null
  ) {
    await readEvents(
      response.body,
      (data) => data !== '[DONE]' && take(JSON.parse(data) as Chunk),
      (comment) => {
        if (comment.startsWith('mmm '))
          answered = { ...answered, explained: explanationIn(comment.slice(4)) };
      },
    );
  } else take((await response.json()) as Chunk);
  progress(text, { ...answered, wholeMs: since() });
}
