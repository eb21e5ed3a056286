import { text as textOf } from 'node:stream/consumers';
import { createParser } from 'eventsource-parser';
import { type Api, CliError, type Json, parsed, shown } from './api.js';
import { isTerminal, print } from './output.js';

/** A model may think for long. */
const LONGEST_MS = 3_600_000;

/**
 * Sends words to a model and writes its answer as it comes.
 * @param words none: standard input
 */
export async function chat(
  api: Api,
  model: string,
  words: readonly string[],
  { system, json }: { readonly system?: string; readonly json?: boolean },
): Promise<void> {
  const content = words.length > 0 ? words.join(' ') : await textOf(process.stdin);
  if (content.trim() === '')
    throw new CliError('there is no prompt: give it after the model, or on standard input', 2);
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content },
  ];
  const signal = AbortSignal.timeout(LONGEST_MS);
  if (json === true) {
    const answer = await api.send('POST', '/v1/chat/completions', { model, messages }, signal);
    return print(JSON.stringify(parsed(await answer.text()), null, 2));
  }
  const { body } = await api.send('POST', '/v1/chat/completions', { model, messages, stream: true }, signal);
  let last = '\n';
  let failure: string | null = null;
  const parser = createParser({
    onEvent: ({ data }) => {
      const event = parsed(data);
      const error = (event?.['error'] as Json | undefined)?.['message'];
      if (error !== undefined) failure = shown(error);
      const piece = pieceOf(event);
      if (piece === '') return;
      last = piece;
      process.stdout.write(isTerminal() ? harmless(piece) : piece);
    },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body ?? []) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  } catch (error) {
    failure ??= `the answer broke off: ${(error as Error).message}`;
  }
  if (!last.endsWith('\n')) process.stdout.write('\n');
  if (failure !== null) throw new CliError(failure);
}

function pieceOf(event: Json | null): string {
  const [choice] = (event?.['choices'] ?? []) as readonly Json[];
  const content = (choice?.['delta'] as Json | undefined)?.['content'];
  return typeof content === 'string' ? content : '';
}

/** Without what a terminal would obey. */
function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
