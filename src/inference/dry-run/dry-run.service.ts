import { Injectable } from '@nestjs/common';
import { WorkerSecrets } from '../../credentials/worker-secrets.js';
import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { type CheckedDefinition, DefinitionCheck } from '../../registry/registration/definition-check.js';
import { readRegistration } from '../../registry/registration/read-registration.js';
import { WorkerManagement } from '../../registry/management/worker-management.js';
import type { SecretLookup } from '../../template/placeholders.js';
import type { CancelSignal } from '../../upstream/exchange.js';
import { UpstreamClient } from '../../upstream/upstream-client.js';
import { UpstreamRejectedError } from '../../upstream/upstream-errors.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import { shownPath } from './answer-path.js';
import type { DryRunAnswerDto, DryRunDto, DryRunInputDto, StoredDryRunDto } from './dry-run.dto.js';
import { DryRunSecrets } from './dry-run-secrets.js';
import { DryPoll } from './dry-poll.js';
import { isPollTemplate } from './poll-recorder.js';
import {
  LONGEST_WAIT_MS,
  problemOf,
  sensitiveNames,
  SHOWN_CHARACTERS,
  shownRequest,
  shownResponse,
  withinLimits,
} from './shown-call.js';
import { prepareDryCall, readDryAnswer } from './dry-call.js';
import type { ChatMessage } from '../client/inference-request.js';
import { readMessages } from '../chat/parse-chat.js';
import type { PreparedCall } from '../apis/prepared-call.js';

const GREETING = 'Hello!';

/** Tries a registration, or a worker that is registered. All output has passed `secrets.hide`. */
@Injectable()
export class DryRunService {
  constructor(
    private readonly definitionCheck: DefinitionCheck,
    private readonly upstream: UpstreamClient,
    private readonly workerSecrets: WorkerSecrets,
    private readonly management: WorkerManagement,
    private readonly polls: DryPoll,
  ) {}

  /** @throws InvalidInputError as registering does, and for invalid messages */
  run(dto: DryRunDto, requestId: string, disconnectSignal: CancelSignal): Promise<DryRunAnswerDto> {
    return this.tryOut(dto, requestId, disconnectSignal, (secrets) =>
      withinField('worker', () =>
        this.definitionCheck.check(readRegistration(dto.worker), { stored: false, secrets }),
      ),
    );
  }

  /** @throws InvalidInputError as a PATCH of the worker does, and for invalid messages; WorkerNotFoundError, DatabaseUnavailableError */
  runStored(
    id: string,
    dto: StoredDryRunDto,
    requestId: string,
    disconnectSignal: CancelSignal,
  ): Promise<DryRunAnswerDto> {
    const patch = dto.patch ?? {};
    return this.tryOut(dto, requestId, disconnectSignal, (secrets) =>
      withinField('patch', () => this.management.trial(id, patch, secrets)),
    );
  }

  private async tryOut(
    dto: DryRunInputDto,
    requestId: string,
    disconnectSignal: CancelSignal,
    definition: (secrets: SecretLookup) => Promise<CheckedDefinition>,
  ): Promise<DryRunAnswerDto> {
    const messages = messagesOf(dto);
    const secrets = new DryRunSecrets((name) => this.workerSecrets.lookup(name));
    const checked = await definition(secrets.lookup);
    secrets.know(checked.sensitive);
    const { call: compiled } = checked;
    if (isPollTemplate(compiled))
      return this.polls.run(
        dto,
        { ...checked, call: compiled },
        messages,
        requestId,
        secrets,
        disconnectSignal,
      );
    let talk: PreparedCall;
    try {
      talk = prepareDryCall(dto, checked, messages, requestId);
    } catch (error) {
      return { request: null, problem: problemOf(error, secrets) };
    }
    const { call } = talk;
    secrets.knowRendered(call.headers, sensitiveNames(checked));
    const changes = talk.changes.map((change) => secrets.hide(change, SHOWN_CHARACTERS));
    const shown = {
      request: shownRequest(call, secrets),
      ...(changes.length === 0 ? {} : { profile_changes: changes }),
    };
    if (dto.call !== true) return shown;
    try {
      const answer = await this.upstream.send(withinLimits(call, LONGEST_WAIT_MS), disconnectSignal);
      return {
        ...shown,
        response: shownResponse(answer, secrets),
        ...outcome(answer, talk, checked, secrets),
      };
    } catch (error) {
      return { ...shown, problem: problemOf(error, secrets) };
    }
  }
}

/** Runs `read`; the faults that it reports are those of a member of the body. */
async function withinField<Result>(member: string, read: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw new InvalidInputError(
      error.details.map(({ field, problem }) => ({ field: `${member}.${field}`, problem })),
    );
  }
}

/** @throws InvalidInputError */
function messagesOf({ prompt, messages }: DryRunInputDto): readonly ChatMessage[] {
  if (messages === undefined || messages === null) return [{ role: 'user', content: prompt ?? GREETING }];
  const faults: InputFault[] = [];
  if (prompt !== undefined && prompt !== null)
    faults.push({ field: 'prompt', problem: 'not allowed together with messages; send one of them' });
  const read = readMessages(messages, faults);
  if (faults.length > 0) throw new InvalidInputError(faults);
  return read;
}

function outcome(
  answer: UpstreamAnswer,
  talk: PreparedCall,
  { definition }: CheckedDefinition,
  secrets: DryRunSecrets,
): Partial<DryRunAnswerDto> {
  if (answer.status < 200 || answer.status >= 300)
    return { problem: problemOf(new UpstreamRejectedError(answer.status), secrets) };
  const path = shownPath(answer, talk, definition, secrets);
  try {
    const { text, usage } = readDryAnswer(answer, talk);
    return { extracted: secrets.hide(text, SHOWN_CHARACTERS), ...(usage === null ? {} : { usage }), ...path };
  } catch (error) {
    return { problem: problemOf(error, secrets), ...path };
  }
}
