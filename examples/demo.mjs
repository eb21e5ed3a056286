/**
 * `npm run demo`: one model name, two real llama.cpp servers behind it, one of which dies and comes back; then a picture, by a
 * stand-in that draws. `npm run demo -- picture` shows the picture alone.
 * Needs no running service and leaves nothing but the picture behind. Exit code 0 on success, else 1.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { sendDuring } from './demo/clients.mjs';
import { showPicture } from './demo/picture.mjs';
import { heading, line, quote, table } from './demo/print.mjs';
import { Service } from './demo/service.mjs';
import { install, isInstalled, makeModel, TinyWorker } from './demo/tiny-workers.mjs';

const MODEL = 'alice';
/** The same worker, registered with OpenAI's API. */
const OPENAI_MODEL = 'wonderland/alice';
const QUESTIONS = [
  'Who are you?',
  'Tell me about the Hatter.',
  'What do you think of Alice?',
  'Why is a raven like a writing-desk?',
];
const CLIENTS = 4;
/** How long the clients run before something happens. */
const CALM_MS = 1_000;
/** This many answers of a recovered worker show that it gets its share again. */
const SHARE = 20;
const SEEN_WITHIN_MS = 60_000;

const interruption = new AbortController();
const { signal } = interruption;
for (const name of ['SIGINT', 'SIGTERM']) {
  process.on(name, () => interruption.abort(new Error(`interrupted by ${name}`)));
}
const service = new Service(signal);
const a = new TinyWorker('A');
const b = new TinyWorker('B');
/** @type {Map<string, string>} worker id → letter */
const letters = new Map();
/** Requests that each worker has answered so far. */
const answered = { A: 0, B: 0 };

try {
  if (process.argv[2] === 'picture') await service.start();
  else await showWorkers();
  heading("7. OpenAI's client gets a picture from ComfyUI's API");
  await showPicture(service, signal);
} catch (error) {
  report(signal.aborted ? signal.reason : error);
} finally {
  await stop();
}
if (process.exitCode === undefined) heading('8. Everything is stopped; the picture is left behind');

async function showWorkers() {
  await start();
  await register();
  await sendQuestions();
  await stream();
  await loseA();
  await getAback();
}

async function start() {
  heading('1. Two llama.cpp servers of a tiny model, and the service');
  if (!isInstalled()) {
    line('install', 'llama.cpp and its Node binding, about 100 MB, once: npm ci in examples/tiny-worker');
    await install(signal);
  }
  line('model', await makeModel(signal));
  const started = await Promise.allSettled([a.start(signal), b.start(signal), service.start()]);
  for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;
  for (const worker of [a, b]) line(`worker ${worker.letter}`, `${worker.url}  (process ${worker.pid})`);
  line('service', `${service.url}  (default settings: an embedded PostgreSQL, probes every 5 s)`);
}

async function register() {
  heading(`2. Both are registered as "${MODEL}", by data alone`);
  for (const worker of [a, b]) {
    const message = await service.register({
      model_name: MODEL,
      req_url_template: worker.url,
      owner: 'demo',
      body: {
        model: '{MODEL_NAME}',
        messages: [{ role: 'user', content: '{USER_PROMPT}' }],
        temperature: '{MODEL_TEMPERATURE}',
        max_tokens: '{MAX_TOKENS}',
      },
      response_extract: 'choices[0].message.content',
    });
    line(`worker ${worker.letter}`, message);
  }
  for (const { id, req_url_template: url } of await service.workers()) {
    letters.set(id, url === a.url ? a.letter : b.letter);
  }
}

async function sendQuestions() {
  heading('3. Questions go to either worker');
  for (const question of QUESTIONS) {
    const { text, letter } = await send(question);
    line('question', question);
    quote(`${letter} answers`, text);
  }
}

async function stream() {
  heading("4. OpenAI's client streams from a model with a / in its name");
  const { origin } = new URL(a.url);
  const message = await service.register({ preset: 'llama-cpp', model_name: OPENAI_MODEL, base_url: origin });
  line('worker A', message);
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const chunks = await client.chat.completions.create(
    {
      model: OPENAI_MODEL,
      messages: [{ role: 'user', content: QUESTIONS[0] ?? '' }],
      stream: true,
      stream_options: { include_usage: true },
    },
    { signal },
  );
  const words = [];
  let tokens = 0;
  for await (const { choices, usage } of chunks) {
    const word = choices[0]?.delta.content;
    if (word) words.push(word);
    tokens = usage?.completion_tokens ?? tokens;
  }
  line('question', QUESTIONS[0] ?? '');
  quote('A streams', words.join(''));
  line('stream', `${words.length} chunks, as llama.cpp generated them; usage: ${tokens} tokens`);
  if (words.length < 2) throw new Error('the answer came in one chunk');
  // Otherwise two of three workers die at once below, and one replica alone does not take down so many.
  await service.offline({ model_name: OPENAI_MODEL, req_url_template: `${origin}/v1` });
}

async function loseA() {
  heading(`5. A is killed (kill -9) while ${CLIENTS} clients keep calling`);
  await underLoad(async () => {
    await a.crash();
    return `unhealthy in the registry after ${await until('unhealthy', async () => (await healthOfA()) === 'unhealthy')} s`;
  });
}

async function getAback() {
  heading('6. A is started again, and the probes find it');
  await underLoad(async () => {
    await a.start(signal);
    const healthyAfterS = await until('healthy', async () => (await healthOfA()) === 'healthy');
    const before = answered.A;
    await until('answering', async () => answered.A >= before + SHARE);
    return `healthy in the registry after ${healthyAfterS} s`;
  });
}

/** @param {() => Promise<string>} happen describes what was observed */
async function underLoad(happen) {
  const event = async () => {
    await sleep(CALM_MS, undefined, { signal });
    return happen();
  };
  const before = { ...answered };
  const { result, answers, failures } = await sendDuring(
    CLIENTS,
    (n) => send(QUESTIONS[n % QUESTIONS.length] ?? ''),
    event(),
  );
  const retried = answers.filter(({ attempts }) => attempts > 1).length;
  line('worker A', result);
  line(
    'clients',
    `${answers.length + failures.length} sent, ${failures.length} failed: ` +
      `${answered.A - before.A} answered by A, ${answered.B - before.B} by B` +
      (retried > 0 ? `, ${retried} of them retried after A had died` : ''),
  );
  if (failures.length > 0) throw failures[0];
  await showRegistry();
}

/** @param {string} question */
async function send(question) {
  const answer = await service.chat(MODEL, question);
  const letter = letters.get(answer.workerId) === 'A' ? 'A' : 'B';
  answered[letter] += 1;
  return { ...answer, letter };
}

async function healthOfA() {
  return (await service.workers()).find(({ req_url_template: url }) => url === a.url)?.health;
}

/**
 * @param {string} state of worker A
 * @param {() => Promise<boolean>} isReached
 * @returns {Promise<string>} seconds until the state was reached
 */
async function until(state, isReached) {
  const startedAt = Date.now();
  while (Date.now() - startedAt < SEEN_WITHIN_MS) {
    if (await isReached()) return ((Date.now() - startedAt) / 1000).toFixed(1);
    await sleep(50, undefined, { signal });
  }
  throw new Error(`worker A was not ${state} within ${SEEN_WITHIN_MS / 1000} s`);
}

async function showRegistry() {
  const workers = await service.workers();
  table(
    'GET /api/server/workers?detail=true',
    workers.map(({ id, model_name, health, health_reason }) => ({
      '': letters.get(id),
      model_name,
      health,
      health_reason,
    })),
  );
  const sql = `SELECT req_url_template, health, last_ok, last_ms FROM worker_overview WHERE model_name = '${MODEL}'`;
  table(`psql: ${sql}`, await service.query(sql));
}

async function stop() {
  const stopped = await Promise.allSettled([service, a, b].map((one) => one.stop()));
  for (const outcome of stopped) if (outcome.status === 'rejected') report(outcome.reason);
}

/** @param {Error} error */
function report(error) {
  process.exitCode = 1;
  const why = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  console.error(`\nThe demo failed: ${error.message}${why}`);
}
