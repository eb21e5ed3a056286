import { decode } from 'fast-png';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DOCUMENTED, DocumentedClient, type DocumentedAnswer } from './documented-calls.js';
import { StandIn } from './stand-in.js';
import { valueAt, type Vendor } from './vendor.js';
import { VENDORS } from './vendors.js';

const named = Object.entries(VENDORS);

it('every stand-in is called as its documents show', () => {
  expect(Object.keys(DOCUMENTED).toSorted()).toEqual(Object.keys(VENDORS).toSorted());
});

describe.each(named)('the stand-in for %s', (name, vendor) => {
  let standIn: StandIn;
  let client: DocumentedClient;
  beforeEach(async () => {
    standIn = await StandIn.start(vendor, name);
    const calls = DOCUMENTED[name];
    if (calls === undefined) throw new Error(`${name} has no documented calls`);
    client = new DocumentedClient(standIn, calls);
  });
  afterEach(() => standIn.close());

  const submitted = async (prompt: string): Promise<string> => {
    const answer = await client.submit(client.bodyFor(prompt));
    if (client.idIn(answer) === '') throw new Error(`not taken: ${answer.text}`);
    return client.idIn(answer);
  };

  it('takes the documented submit and leads it to its end', async () => {
    const id = await submitted('a cat');
    const [path, value] = client.calls.done;
    const answers = [];
    for (let look = 1; look <= 4; look++) answers.push((await client.look(id)).json);
    const key = path.replace('{ID}', id);
    expect(answers.map((answer) => valueAt(answer, key) === value)).toEqual([false, false, false, true]);
    expect(standIn.submitsOf('a cat')).toBe(1);
    expect(standIn.faults).toEqual([]);
  });

  it('refuses a field of a wrong type, wherever it stands', async () => {
    const documented = client.bodyFor('a cat');
    const wrong = client.calls.isForm ? [] : withWrongLeaves(documented);
    for (const { path, body } of wrong) {
      const answer = await client.submit(body);
      expect({ path, isTaken: isTaken(answer, client) }).toEqual({ path, isTaken: false });
    }
    expect(standIn.tasks.size).toBe(0);
  });

  it('refuses a field that the documents do not have', async () => {
    const answer = await client.submit({ ...(client.bodyFor('a cat') as object), not_documented: 'x' });
    expect(isTaken(answer, client)).toBe(false);
  });

  it('refuses calls without the credentials and headers of the documents', async () => {
    for (const left of Object.keys(client.headers)) {
      const { [left]: _, ...others } = client.headers;
      const answer = await client.submit(client.bodyFor('a cat'), others);
      expect({ left, isTaken: isTaken(answer, client) }).toEqual({ left, isTaken: false });
    }
    expect(standIn.faults).toHaveLength(Object.keys(client.headers).length);
  });

  it('answers for an unknown task in the words of its vendor', async () => {
    const known = await submitted('a cat');
    const id = known.replace(/[0-9a-f]{12}(?=$|[^0-9a-f])/, 'ffffffffffff');
    const { status, text } = await client.look(id);
    const { unknown } = vendor.replies;
    expect({ status, text }).toEqual({ status: unknown.status, text: textOf(unknown.body) });
  });

  it('turns a prompt away as its weather says', async () => {
    const refused = await client.submit(client.bodyFor('a cat [refused]'));
    expect(refused).toMatchObject({
      status: vendor.replies.banned.status,
      text: textOf(vendor.replies.banned.body),
    });
    const { busy } = vendor.replies;
    if (busy === null) return;
    const first = await client.submit(client.bodyFor('a cat [busy]'));
    expect(first).toMatchObject({ status: busy.status, text: textOf(busy.body) });
    await submitted('a cat [busy]');
    expect([standIn.submitsOf('[busy]'), standIn.submitsOf('[refused]')]).toEqual([1, 0]);
  });

  it('plays a rough line, a late task and a lost one', async () => {
    const rough = await submitted('a cat [rough]');
    const statuses = [];
    for (let look = 1; look <= 4; look++) statuses.push(await client.look(rough));
    expect(statuses.map(({ status }) => (status === 202 ? 200 : status))).toEqual([429, 500, 200, 200]);
    expect(statuses.map(({ json }) => json !== undefined)).toEqual([true, false, false, true]);
    const gone = textOf(vendor.replies.unknown.body);
    const late = await submittedAnew('a cat [grace]');
    const texts = [];
    for (let look = 1; look <= 6; look++) texts.push((await client.look(late)).text);
    expect([texts[0] === gone, texts[1] === gone, texts[5] === gone]).toEqual([true, true, false]);
    const lost = await submittedAnew('a cat [lost]');
    expect((await client.look(lost)).text).toBe(gone);
  });

  /** Where the client gives the id, each task needs its own. */
  const submittedAnew = async (prompt: string): Promise<string> => {
    const uuid = /8f0f7a52-6f0b-4b8f-9a55-0d6e9f2a7c11/g;
    const body = JSON.stringify(client.bodyFor(prompt)).replaceAll(uuid, crypto.randomUUID());
    return client.idIn(await client.submit(JSON.parse(body)));
  };

  it('cancels a task, where the documents have a way', async () => {
    if (client.calls.cancel === undefined) return;
    const id = await submitted('a cat [held]');
    const { status } = await client.cancel(id);
    expect([200, 202, 204]).toContain(status);
    expect(standIn.taskOf('[held]')?.isCancelled).toBe(true);
  });

  it('serves results without credentials and remembers any that it sees', async () => {
    await submitted('a cat');
    const url = standIn.taskOf('a cat')?.file('png') ?? '';
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    expect(JSON.parse(decode(bytes).text['prompt'] ?? '')).toContain('a cat');
    expect(standIn.leaks).toEqual([]);
    await fetch(url, { headers: { 'x-anything': standIn.key } });
    expect(standIn.leaks).toHaveLength(1);
  });
});

describe('the stand-in for ComfyUI', () => {
  it('follows the links of any graph, and says which node is wrong', async () => {
    const standIn = await StandIn.start(VENDORS['comfyui'] as Vendor, 'comfyui');
    const calls = DOCUMENTED['comfyui'];
    if (calls === undefined) throw new Error('no documented calls');
    const client = new DocumentedClient(standIn, calls);
    const change = (from: string, to: string): unknown =>
      JSON.parse(JSON.stringify(client.bodyFor('a cat')).replace(from, to));
    const wrong: readonly (readonly [string, string, string])[] = [
      ['"SaveImage"', '"SaveVideo"', "Node 'SaveVideo' not found."],
      ['["8",0]', '["80",0]', 'images is no link'],
      ['"width":64', '"width":"64"', 'width is no integer'],
      ['v1-5-pruned-emaonly', 'unknown', "ckpt_name: 'unknown.safetensors' not in"],
      ['"9":{', '"10":{', ''],
    ];
    for (const [from, to, message] of wrong) {
      const { status, text } = await client.submit(change(from, to));
      expect({ to, status }).toEqual({ to, status: message === '' ? 200 : 400 });
      expect(text).toContain(message);
    }
    await standIn.close();
  });
});

const textOf = (body: unknown): string => (typeof body === 'string' ? body : JSON.stringify(body));

/** A submit was taken if its answer holds the id. */
const isTaken = (answer: DocumentedAnswer, client: DocumentedClient): boolean =>
  answer.status < 300 && client.idIn(answer) !== '';

/** The body once for each of its leaves, with a value of another type there. */
function withWrongLeaves(body: unknown): readonly { readonly path: string; readonly body: unknown }[] {
  const found: { path: string; body: unknown }[] = [];
  const visit = (value: unknown, path: string, rebuild: (changed: unknown) => unknown): void => {
    if (typeof value !== 'object' || value === null) {
      found.push({ path, body: rebuild(typeof value === 'string' ? 7.5 : 'seven') });
      return;
    }
    for (const [key, member] of Object.entries(value))
      visit(member, `${path}.${key}`, (changed) =>
        rebuild(Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }),
      );
  };
  visit(body, 'body', (changed) => changed);
  return found;
}
