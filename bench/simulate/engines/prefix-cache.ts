/** What a prompt consists of, in tokens. */
export interface Prompt {
  /** Names what it begins with, as other conversations do: system prompt and tools. */
  readonly opening: number;
  readonly openingTokens: number;
  readonly conversation: number;
  /** Of the whole prompt. */
  readonly tokens: number;
}

interface Entry {
  /** Allocated. */
  tokens: number;
  /** Computed: what a later prompt finds. */
  ready: number;
  /** Sequences that run with it: it cannot be evicted. */
  users: number;
}

/** The KV cache of an engine: of each opening and each conversation a prefix, the least recently used goes first, from its end. */
export class PrefixCache {
  /** In the order of use. */
  private readonly entries = new Map<number, Entry>();
  private total = 0;
  private pinned = 0;

  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.total;
  }

  /** Tokens of the prompt that need not be computed. */
  cachedOf(prompt: Prompt): number {
    const opening = this.entries.get(openingKey(prompt))?.ready ?? 0;
    // What comes after a gap is of no use.
    if (opening < prompt.openingTokens) return opening;
    const rest = this.entries.get(conversationKey(prompt))?.ready ?? 0;
    return Math.min(opening + rest, prompt.tokens - 1);
  }

  /**
   * Allocates the prompt and its answer.
   * @param answerTokens a real engine allocates them one by one, and preempts; they are allocated at once here
   * @returns whether there was room
   */
  start(prompt: Prompt, answerTokens: number): boolean {
    const rest = prompt.tokens - prompt.openingTokens + answerTokens;
    const opening = this.entries.get(openingKey(prompt));
    const newlyPinned = rest + ((opening?.users ?? 0) > 0 ? 0 : prompt.openingTokens);
    if (this.pinned + newlyPinned > this.capacity) return false;
    // The opening is used later than what comes after it, and so evicted later.
    this.use(conversationKey(prompt), rest);
    this.use(openingKey(prompt), prompt.openingTokens);
    this.evict();
    return true;
  }

  /** The prompt is computed. */
  computed(prompt: Prompt): void {
    const opening = this.entries.get(openingKey(prompt));
    const own = this.entries.get(conversationKey(prompt));
    if (opening !== undefined) opening.ready = opening.tokens;
    if (own !== undefined) own.ready = Math.max(own.ready, prompt.tokens - prompt.openingTokens);
  }

  /** The answer is over. */
  end(prompt: Prompt): void {
    for (const key of [conversationKey(prompt), openingKey(prompt)]) {
      const entry = this.entries.get(key);
      if (entry === undefined) throw new RangeError('ended without a start');
      entry.ready = entry.tokens;
      entry.users -= 1;
      if (entry.users === 0) this.pinned -= entry.tokens;
      this.entries.delete(key);
      this.entries.set(key, entry);
    }
  }

  private use(key: number, tokens: number): void {
    const entry = this.entries.get(key) ?? { tokens: 0, ready: 0, users: 0 };
    this.total += tokens - entry.tokens;
    if (entry.users === 0) this.pinned += tokens;
    entry.tokens = tokens;
    entry.users += 1;
    this.entries.delete(key);
    this.entries.set(key, entry);
  }

  private evict(): void {
    for (const [key, entry] of this.entries) {
      const over = this.total - this.capacity;
      if (over <= 0) return;
      if (entry.users > 0) continue;
      const freed = Math.min(over, entry.tokens);
      entry.tokens -= freed;
      entry.ready = Math.min(entry.ready, entry.tokens);
      this.total -= freed;
      if (entry.tokens === 0) this.entries.delete(key);
    }
  }
}

function openingKey({ opening }: Prompt): number {
  return -1 - opening;
}

function conversationKey({ conversation }: Prompt): number {
  return conversation;
}
