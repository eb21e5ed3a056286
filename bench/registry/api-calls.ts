import { quantile } from '../statistics.js';

const JSON_BODY = { 'content-type': 'application/json' };

/** Calls of a replica's API, and what they took. All throw an Error for a call that fails. */
export class ApiCalls {
  constructor(private readonly url: () => string) {}

  async get(path: string): Promise<string> {
    const answer = await fetch(this.url() + path);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return `${(text.length / 1024).toFixed(0)} KiB`;
  }

  async allPages(path: string): Promise<string> {
    const ms: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const startedMs = performance.now();
      const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const answer = await fetch(`${this.url()}${path}?limit=200${after}`);
      const page = (await answer.json()) as { next_cursor: string | null };
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(page)}`);
      ms.push(performance.now() - startedMs);
      cursor = page.next_cursor;
    }
    return `${ms.length} pages, p50 ${quantile(ms, 0.5).toFixed(0)} ms, longest ${Math.max(...ms).toFixed(0)} ms`;
  }

  /** One after another, so that none waits for another. @returns how long they took */
  async chats(count: number): Promise<string> {
    const ms: number[] = [];
    for (let at = 0; at < count; at++) {
      const body = JSON.stringify({ model_name: `model-${String(at).padStart(5, '0')}`, input: 'hi' });
      const startedMs = performance.now();
      const answer = await fetch(`${this.url()}/api/v1/chat/completions`, {
        method: 'POST',
        headers: JSON_BODY,
        body,
      });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`a chat failed: ${answer.status} ${text}`);
      ms.push(performance.now() - startedMs);
    }
    return `p50 ${quantile(ms, 0.5).toFixed(1)} ms, p99 ${quantile(ms, 0.99).toFixed(0)} ms`;
  }

  async register(port: number): Promise<void> {
    const body = JSON.stringify({
      model_name: 'one-more',
      req_url_template: `http://127.0.0.1:${port}/generate`,
      body: { prompt: '{USER_PROMPT}' },
      response_extract: 'answer',
    });
    const answer = await fetch(`${this.url()}/api/server/register`, {
      method: 'POST',
      headers: JSON_BODY,
      body,
    });
    if (!answer.ok) throw new Error(await answer.text());
  }
}
