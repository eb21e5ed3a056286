import axios, { type AxiosResponse } from 'axios';
import http, { ClientRequest } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import type { GuardedAgents } from '../../upstream/guarded-connections.js';
import { describeFailure, probeFailureOf, ownFaultOf, probeRequest, ProbeTimer } from './probe-connection.js';
import { failed, isPublicAddress, type ProbeResult, succeeded } from './probe-result.js';
import type { HttpTarget } from './probe-target.js';

/** How much of a body is searched for `body_contains`. */
const MOST_BODY_BYTES = 64 * 1024;
/** How much of a list of models is searched. */
const MOST_LIST_BYTES = 1024 * 1024;

/** One request on its own connection. Status and headers decide, unless the check reads the body. Never throws. */
export async function probeHttp(
  target: HttpTarget,
  agents: GuardedAgents,
  stop: AbortSignal,
): Promise<ProbeResult> {
  const { url, method, timeoutMs } = target;
  const { host, pathname } = new URL(url);
  const what = `${method} ${pathname}`;
  const timer = new ProbeTimer(timeoutMs, stop);
  let hasAnswered = false;
  let isConnected = false;
  try {
    const answer = await axios.request<Readable>({
      ...agents,
      ...probeRequest(target.headers?.()),
      url,
      method,
      signal: timer.signal,
      transport: withConnectListener(() => (isConnected = true)),
    });
    hasAnswered = true;
    try {
      const { ok, detail } = await judgeAnswer(
        answer,
        target,
        `${what} answered ${answer.status} in ${Math.round(timer.elapsedMs)} ms`,
      );
      const isPublic = isPublicAddress(addressOf(answer));
      const { elapsedMs } = timer;
      return ok ? succeeded(detail, elapsedMs, isPublic) : failed('answer', detail, elapsedMs, isPublic);
    } finally {
      answer.data.on('error', () => {}).destroy();
    }
  } catch (error) {
    if (timer.isOver) {
      const detail = `${host} did not complete ${what} within ${timeoutMs} ms`;
      return isConnected
        ? failed('timeout', detail, timer.elapsedMs)
        : failed('connection', detail, timer.elapsedMs, false, 'network');
    }
    const detail = describeFailure(error, host, hasAnswered);
    return failed(
      probeFailureOf(error, hasAnswered),
      detail,
      timer.elapsedMs,
      false,
      hasAnswered ? null : ownFaultOf(error),
    );
  } finally {
    timer.clear();
  }
}

/** Reports when the socket connects, which axios does not. */
function withConnectListener(connected: () => void) {
  const request = (options: https.RequestOptions, answered: (answer: http.IncomingMessage) => void) => {
    const made =
      options.protocol === 'https:' ? https.request(options, answered) : http.request(options, answered);
    return made.once('socket', (socket) => socket.once('connect', connected));
  };
  return { ...http, request };
}

async function judgeAnswer({ status, data }: AxiosResponse<Readable>, target: HttpTarget, seen: string) {
  const { expectedStatus, bodyContains, listed } = target;
  if (expectedStatus !== null && status !== expectedStatus) {
    return { ok: false, detail: `${seen}, not ${expectedStatus}` };
  }
  if (expectedStatus === null && status >= 500) return { ok: false, detail: seen };
  if (bodyContains !== null && !(await contains(data, bodyContains, MOST_BODY_BYTES))) {
    return { ok: false, detail: `${seen}, without the text that body_contains names` };
  }
  if (
    listed !== undefined &&
    status === 200 &&
    !(await contains(data, JSON.stringify(listed.model), MOST_LIST_BYTES))
  ) {
    const missing = `${seen}, but lists no model ${listed.model}`;
    return listed.isRequired ? { ok: false, detail: missing } : { ok: true, detail: missing };
  }
  const isExpected = expectedStatus !== null || (status >= 200 && status < 300);
  return { ok: true, detail: isExpected ? seen : `reachable only: ${seen}` };
}

async function contains(body: Readable, wanted: string, mostBytes: number): Promise<boolean> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    text += decoder.decode(chunk.subarray(0, mostBytes - bytes), { stream: true });
    bytes += chunk.length;
    if (text.includes(wanted)) return true;
    if (bytes >= mostBytes) return false;
  }
  return false;
}

function addressOf({ request }: AxiosResponse): string | undefined {
  return request instanceof ClientRequest ? request.socket?.remoteAddress : undefined;
}
