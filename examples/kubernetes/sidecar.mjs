/**
 * Keeps one worker registered for as long as it lives: waits until it answers, registers it (PUT), renews its heartbeat, registers
 * it again when the service has lost it, and drains it before it stops. Needs Node 20 and no package.
 *
 *   WORKER            the registration as JSON, with heartbeat_ttl_s
 *   READY_URL         answers 200 while the worker can serve
 *   MANAGER_URL, MANAGER_KEY
 *   STATE_DIR         a folder that is shared with the worker. The worker's preStop hook makes the file `drain` here and waits until
 *                     it is gone. The file `registered` is there as long as the worker is
 *   DRAIN_TIMEOUT_S   how long running requests may take to finish
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const { MANAGER_URL, MANAGER_KEY, READY_URL, STATE_DIR, DRAIN_TIMEOUT_S = '540' } = process.env;
const worker = JSON.parse(process.env.WORKER);
const { model_name, req_url_template, name = '', heartbeat_ttl_s } = worker;
/** Three are sent before one is missed. */
const RENEW_MS = (heartbeat_ttl_s * 1000) / 3;
const LOOK_MS = 250;
const TIMEOUT_MS = 10_000;

/** While the service does not answer, nothing can be drained, and its requests fail over by themselves. */
const PATIENCE_MS = 30_000;

const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => ending.abort());

while (!ending.signal.aborted) {
  while (!(await endsWithin(LOOK_MS)) && !(await serves()));
  let id = await register();
  while (!(await endsWithin(RENEW_MS))) id = (await renew()) ? id : await register();
  await drain(id);
  // The worker stops now. If only its container is restarted, all begins anew.
  while (!ending.signal.aborted && (await serves())) await sleep(LOOK_MS);
}

async function serves() {
  const response = await fetch(READY_URL, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => null);
  await response?.body?.cancel();
  return response?.ok === true;
}

/** Tries until it is registered or about to stop. @returns the worker's id, or null */
async function register() {
  for (let pauseMs = 500; !(await endsWithin(0)); pauseMs = Math.min(pauseMs * 2, 10_000)) {
    const { status, body } = await call('PUT', '/api/v1/workers', worker);
    if (status === 200 || status === 201) {
      say(`registered as ${body.id}`);
      writeFileSync(join(STATE_DIR, 'registered'), '');
      return body.id;
    }
    say(`not registered: ${status} ${JSON.stringify(body)}`);
    await endsWithin(pauseMs);
  }
  return null;
}

/** @returns false: the service does not have this worker (404), or took it offline (409) */
async function renew() {
  const { status, body } = await call('POST', '/api/server/heartbeat', {
    model_name,
    req_url_template,
    name,
  });
  // Otherwise the service is away for a moment: the next heartbeat is in time, too.
  if (status !== 200) say(`heartbeat: ${status} ${JSON.stringify(body)}`);
  return status !== 404 && status !== 409;
}

/** No new requests; running ones finish. Then the worker is deleted, because no other pod will have its address. */
async function drain(id) {
  const startMs = Date.now();
  let heardMs = startMs;
  let state = id === null ? 'not registered' : 'enabled';
  while (state === 'enabled' || state === 'draining') {
    if (Date.now() > startMs + DRAIN_TIMEOUT_S * 1000 || Date.now() > heardMs + PATIENCE_MS) break;
    const { status, body } = await (state === 'enabled'
      ? call('POST', `/api/v1/workers/${id}/drain`)
      : call('GET', `/api/v1/workers/${id}`));
    if (status === 200) state = body.admin_state;
    if (status === 404) state = 'deleted';
    if (status === 200) heardMs = Date.now();
    if (state === 'enabled' || state === 'draining') await sleep(LOOK_MS);
  }
  if (state === 'offline') await call('DELETE', `/api/v1/workers/${id}`);
  say(`stopping: it is ${state}`);
  for (const file of ['registered', 'drain']) rmSync(join(STATE_DIR, file), { force: true });
}

/** Waits. @returns whether the worker is about to stop */
async function endsWithin(ms) {
  const endMs = Date.now() + ms;
  for (;;) {
    if (ending.signal.aborted || existsSync(join(STATE_DIR, 'drain'))) return true;
    const leftMs = endMs - Date.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(leftMs, LOOK_MS));
  }
}

/** @returns status 0 if the service does not answer */
async function call(method, path, body) {
  try {
    const response = await fetch(MANAGER_URL + path, {
      method,
      headers: { authorization: `Bearer ${MANAGER_KEY}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : { text } };
  } catch (error) {
    return { status: 0, body: { error: String(error.cause ?? error) } };
  }
}

function say(line) {
  console.log(`${new Date().toISOString()} ${name}: ${line}`);
}
