import { affinityKeyOf, bodyAffinityKey, chatAffinityKey } from '../../src/inference/client/affinity-key.js';

/** The cost of the key of a conversation, which strategies with `usesKey` need, beside the cost of parsing the same body. */
const SIZES = { '1 KB': 1_000, '100 KB': 100_000, '1 MB': 1_000_000 } as const;
const SYSTEM = 'You are a helpful assistant. '.repeat(10);
const MESSAGE = 'What a message of a client looks like, with a word or two "in quotes".\n'.repeat(5);
const SESSION = { 'x-session-id': 'session' };

const SLICE_MS = 30;
const SLICES = 9;

type Message = { readonly role: string; readonly content: string };

/** Of about this many bytes: a long conversation, or a question behind a long document. */
const BODIES: Readonly<Record<string, (bytes: number) => readonly Message[]>> = {
  'many turns': (bytes) =>
    Array.from({ length: Math.max(1, Math.round(bytes / MESSAGE.length)) }, (_, at) => ({
      role: at % 2 === 0 ? 'user' : 'assistant',
      content: MESSAGE,
    })),
  'one document': (bytes) => [{ role: 'user', content: MESSAGE.repeat(Math.max(1, bytes / MESSAGE.length)) }],
};

export function printKeys(): void {
  console.log(
    `\nThe key of a conversation, microseconds of CPU, the best of ${SLICES} slices of ${SLICE_MS} ms; ÷ JSON.parse of the same body\n`,
  );
  console.log('| body | bytes | session in a header | OpenAI | Anthropic | native | OpenAI ÷ parse |');
  console.log('|---|--:|--:|--:|--:|--:|--:|');
  for (const [kind, messagesOf] of Object.entries(BODIES))
    for (const [size, bytes] of Object.entries(SIZES)) {
      const messages = messagesOf(bytes);
      const chat = { model: 'm', messages: [{ role: 'system', content: SYSTEM }, ...messages] };
      const openAi = Buffer.from(JSON.stringify(chat));
      const anthropic = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, system: SYSTEM, messages }));
      const text = String(openAi);
      const parseNs = bestNs(() => JSON.parse(text));
      const openAiNs = bestNs(() => bodyAffinityKey(openAi));
      const cells = [
        bestNs(() => affinityKeyOf(SESSION, () => bodyAffinityKey(openAi))()),
        openAiNs,
        bestNs(() => bodyAffinityKey(anthropic)),
        bestNs(() => chatAffinityKey(chat)),
      ];
      console.log(
        `| ${kind}, ${size} | ${openAi.length} | ${cells.map((ns) => (ns / 1000).toFixed(1)).join(' | ')} | ${(openAiNs / parseNs).toFixed(2)} |`,
      );
    }
}

/** The CPU time of one call: a body of a megabyte takes so long that other processes would count. */
function bestNs(once: () => void): number {
  let best = Infinity;
  for (let slice = 0; slice < SLICES; slice++) {
    const from = process.cpuUsage();
    let times = 0;
    let tookMs = 0;
    while (tookMs < SLICE_MS) {
      for (let i = 0; i < 8; i++) once();
      times += 8;
      const { user, system } = process.cpuUsage(from);
      tookMs = (user + system) / 1000;
    }
    best = Math.min(best, (tookMs * 1e6) / times);
  }
  return best;
}
