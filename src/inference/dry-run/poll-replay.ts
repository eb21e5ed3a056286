import type { HttpAnswer, KnownValues } from '../../registry/poll.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { readingOf } from './dry-readings.js';
import type { DryAnswersDto, DryStepDto } from './dry-run.dto.js';
import type { PollRecorder } from './poll-recorder.js';

/** The steps without any answer: what would be kept stands as ‹NAME›. */
export function showSteps(run: PollRecorder, submit: UpstreamCall): void {
  const { poll, keptNames } = run;
  run.add({ step: 'submit', request: run.shown(submit) });
  showMarked(run, 'status', keptNames, (known) => [poll.status(known)]);
  const { resultRequest } = poll;
  if (resultRequest !== null)
    showMarked(run, 'result', [...keptNames, ...resultRequest.names], (known) => [
      resultRequest.render(known),
    ]);
  showMarked(run, 'cancel', keptNames, (known) => poll.cancel(known));
}

function showMarked(
  run: PollRecorder,
  step: DryStepDto['step'],
  names: readonly string[],
  render: (known: KnownValues) => readonly UpstreamCall[],
): void {
  const calls = run.attempt(step, () => render({ ...run.known, kept: run.marksFor(names, render) }));
  for (const call of calls ?? []) run.add({ step, request: run.shown(call) });
}

/** The steps with answers that the client gives, such as the examples of a documentation. */
export function replaySteps(
  run: PollRecorder,
  call: UpstreamCall,
  { submit, status, result }: DryAnswersDto,
): void {
  const { poll } = run;
  const request = run.shown(call);
  if (submit === undefined || submit === null) {
    run.add({ step: 'submit', request });
    const kept = run.attempt('status', () => run.marksFor(run.keptNames, (known) => poll.status(known)));
    if (kept === null) return;
    run.known = { ...run.known, kept };
  } else if (!run.readSubmit(answerOf(submit), { request })) return;
  let done: unknown;
  for (const each of listOf(status)) {
    const look = run.attempt('status', () => poll.status(run.known));
    if (look === null) return;
    const answer = answerOf(each);
    const reading = poll.readStatus(answer, run.known);
    if (reading.kind === 'done') done = reading.answer;
    run.add({ step: 'status', request: run.shown(look), reading: readingOf(reading) }, answer);
  }
  if (done === undefined) replayResults(run, null, listOf(result));
  else {
    const requests = run.requestsOf(done);
    if (requests !== null) replayResults(run, requests, listOf(result));
  }
}

/** @param requests `null`: not known without the answer of a status that is done */
function replayResults(
  run: PollRecorder,
  requests: readonly UpstreamCall[] | null,
  results: readonly unknown[],
): void {
  for (let at = 0; at < Math.max(requests?.length ?? 0, results.length); at += 1) {
    const call = requests?.[at];
    const answer = at < results.length ? answerOf(results[at]) : null;
    const reading = answer === null ? {} : { reading: readingOf(run.poll.readResult(answer, run.known)) };
    run.add({ step: 'result', request: call === undefined ? null : run.shown(call), ...reading }, answer);
  }
}

function answerOf(json: unknown): HttpAnswer {
  return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(json)) };
}

/** Several answers, or one; an answer that is a list itself is written [[…]]. */
function listOf(answers: unknown): readonly unknown[] {
  if (answers === undefined || answers === null) return [];
  return Array.isArray(answers) ? (answers as readonly unknown[]) : [answers];
}
