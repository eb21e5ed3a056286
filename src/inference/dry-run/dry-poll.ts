import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { HttpAnswer, StatusReading } from '../../registry/poll.js';
import type { CancelSignal } from '../../upstream/exchange.js';
import { UpstreamError } from '../../upstream/failure.js';
import { type UpstreamCall, UpstreamClient } from '../../upstream/upstream-client.js';
import { readJobInput } from '../apis/jobs/read-job-input.js';
import type { ChatMessage } from '../client/inference-request.js';
import { readingOf } from './dry-readings.js';
import type { DryRunAnswerDto, DryRunInputDto } from './dry-run.dto.js';
import type { DryRunSecrets } from './dry-run-secrets.js';
import { type CheckedPoll, PollRecorder, type ShownStep } from './poll-recorder.js';
import { replaySteps, showSteps } from './poll-replay.js';
import { LONGEST_WAIT_MS, shownResponse, withinLimits } from './shown-call.js';

/** Files of one result that are fetched to be shown. */
const MOST_RESULTS = 5;
/** Steps that are shown; a task may change its state more often. */
const MOST_STEPS = 30;
const LONGEST_CANCEL_MS = 10_000;
const COSTS = 'A task was submitted to the worker, which may cost money.';

interface Exchange {
  readonly answer: HttpAnswer;
  readonly step: ShownStep;
}

/** Tries a registration with `poll`: shows each of its steps, with its answer if there is one. Stores nothing. */
@Injectable()
export class DryPoll {
  constructor(private readonly upstream: UpstreamClient) {}

  /** @throws InvalidInputError for an invalid request */
  async run(
    dto: DryRunInputDto,
    checked: CheckedPoll,
    messages: readonly ChatMessage[],
    requestId: string,
    secrets: DryRunSecrets,
    signal: CancelSignal,
  ): Promise<DryRunAnswerDto> {
    const { temperature, max_tokens } = dto;
    const input = readJobInput({ ...dto.media, messages, temperature, max_tokens });
    const run = new PollRecorder(checked, secrets, requestId);
    const submit = run.renderSubmit(input);
    if (submit === null) return run.answer();
    if (dto.answers !== undefined && dto.answers !== null) replaySteps(run, submit, dto.answers);
    else if (dto.call === true) await this.call(run, submit, dto.keep === true, signal);
    else showSteps(run, submit);
    return run.answer();
  }

  /** Submits a task and follows it for at most 30 s. */
  private async call(
    run: PollRecorder,
    submit: UpstreamCall,
    keep: boolean,
    signal: CancelSignal,
  ): Promise<void> {
    const endMs = performance.now() + LONGEST_WAIT_MS;
    run.warning = COSTS;
    const exchange = await this.send(run, 'submit', submit, endMs, signal);
    if (exchange === null || !run.readSubmit(exchange.answer, exchange.step)) return;
    const last = await this.look(run, endMs, signal);
    if (last?.kind === 'done') return this.fetchResult(run, last.answer, endMs, signal);
    if (last?.kind === 'failed' || last?.kind === 'cancelled') return;
    const why = `the task had not ended after ${LONGEST_WAIT_MS / 1000} s`;
    if (keep) run.fail(`${why}; it was not cancelled`);
    else await this.cancel(run, why);
  }

  /** Polls the state until the task has ended or the time is over. @returns the last reading; `null`: none */
  private async look(run: PollRecorder, endMs: number, signal: CancelSignal): Promise<StatusReading | null> {
    const { poll } = run;
    let last: StatusReading | null = null;
    let before = '';
    while (performance.now() + poll.intervalMs < endMs && !signal.aborted) {
      await sleep(poll.intervalMs);
      const call = run.attempt('status', () => poll.status(run.known));
      if (call === null) return null;
      const exchange = await this.send(run, 'status', call, endMs, signal);
      if (exchange === null) continue;
      last = poll.readStatus(exchange.answer, run.known);
      const reading = readingOf(last);
      const text = JSON.stringify(reading);
      // A state that was seen before says nothing new.
      if (text !== before && run.count < MOST_STEPS) run.add({ ...exchange.step, reading }, exchange.answer);
      before = text;
      if (last.kind === 'done' || last.kind === 'failed' || last.kind === 'cancelled') return last;
    }
    return last;
  }

  private async fetchResult(
    run: PollRecorder,
    answer: unknown,
    endMs: number,
    signal: CancelSignal,
  ): Promise<void> {
    const isFile = run.poll.as === 'bytes';
    for (const call of run.requestsOf(answer)?.slice(0, MOST_RESULTS) ?? []) {
      const exchange = await this.send(run, 'result', call, endMs, signal, isFile);
      if (exchange === null) continue;
      const reading = run.poll.readResult(exchange.answer, run.known);
      const size = reading.kind === 'bytes' ? { bytes: exchange.answer.body.length } : {};
      run.add({ ...exchange.step, reading: { ...readingOf(reading), ...size } }, exchange.answer);
    }
  }

  private async cancel(run: PollRecorder, why: string): Promise<void> {
    const calls = run.attempt('cancel', () => run.poll.cancel(run.known)) ?? [];
    run.fail(
      calls.length === 0 ? `${why}, and its definition has no way to cancel it` : `${why}; it was cancelled`,
    );
    for (const call of calls) {
      // Also for a client that has disconnected.
      const exchange = await this.send(run, 'cancel', call, performance.now() + LONGEST_CANCEL_MS, null);
      if (exchange !== null) run.add(exchange.step);
    }
  }

  /** `null`: there was no answer, and the step says why. */
  private async send(
    run: PollRecorder,
    step: ShownStep['step'],
    call: UpstreamCall,
    endMs: number,
    signal: CancelSignal | null,
    isFile = false,
  ): Promise<Exchange | null> {
    const request = run.shown(call);
    try {
      const leftMs = Math.max(1, endMs - performance.now());
      const answer = await this.upstream.send(withinLimits(call, leftMs), signal);
      const shown = shownResponse(answer, run.secrets);
      const { status, headers, bytes: body } = answer;
      return {
        answer: { status, headers, body },
        step: { step, request, response: isFile ? { ...shown, body: '' } : shown },
      };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      run.fail(error.message);
      run.add({ step, request, problem: error.message });
      return null;
    }
  }
}
