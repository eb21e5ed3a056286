import { ROOT } from '../../access/caller.js';
import { NO_TENANT } from '../../balancing/admission/tenant.js';
import type { WorkerTask } from '../../registry/worker.js';
import type { CheckedDefinition } from '../../registry/registration/definition-check.js';
import { newFacts } from '../../telemetry/request-facts.js';
import type { UpstreamAnswer } from '../../upstream/whole-answer.js';
import type { ChatAnswer, OpenAiChat, Usage } from '../chat/chat.js';
import type { Endpoint } from '../apis/endpoints.js';
import { readJobInput } from '../apis/jobs/read-job-input.js';
import { readBody } from '../apis/openai/client-request.js';
import { UsageScanner } from '../passthrough/usage-scanner.js';
import { type PreparedCall, StreamCall, type WholeCall } from '../apis/prepared-call.js';
import { ProxyCall } from '../passthrough/proxy-call.js';
import { prepareCall } from '../apis/prepare-call.js';
import type { ChatMessage, InferenceRequest, RawBody } from '../client/inference-request.js';
import { streamDecoder } from '../streams/stream-decoder.js';
import { AnswerCollector } from '../pipeline/answer-collector.js';
import type { DryRunInputDto } from './dry-run.dto.js';

/** The call that a request would make. @throws what `prepareCall` throws */
export function prepareDryCall(
  { temperature, max_tokens: maxTokens, stream, media }: DryRunInputDto,
  { definition, call }: CheckedDefinition,
  messages: readonly ChatMessage[],
  id: string,
): PreparedCall {
  const { model_name: modelName, task } = definition;
  const chat: OpenAiChat = {
    model: modelName,
    messages: messages as OpenAiChat['messages'],
    ...(typeof temperature === 'number' ? { temperature } : {}),
    ...(typeof maxTokens === 'number' ? { max_tokens: maxTokens } : {}),
  };
  const prompt = messages.at(-1)?.content;
  const input = {
    messages,
    temperature: temperature ?? undefined,
    maxTokens: maxTokens ?? undefined,
    input: prompt,
    ...(isMedia(task) ? { media: readJobInput({ ...media, messages }) } : {}),
  };
  const isOpenAi = call.kind === 'api' && call.protocol === 'openai';
  const request: InferenceRequest = {
    id,
    model: modelName,
    task,
    stream: stream === true,
    input: () => input,
    openAi: () => chat,
    raw: isOpenAi ? sampleBody(modelName, task, prompt) : null,
    affinityKey: () => '',
    priority: 'default',
    tenant: NO_TENANT,
    worker: null,
    explanation: null,
    facts: newFacts(),
    forwardedHeaders: { 'x-request-id': id },
    caller: ROOT,
    arrivedMs: performance.now(),
    clientSetDeadline: false,
    deadlineMs: Infinity,
    latestMs: Infinity,
  };
  return prepareCall({ modelName, task, defaults: definition.defaults ?? {}, call }, request);
}

function isMedia(task: WorkerTask): boolean {
  return task === 'image' || task === 'video';
}

/** The body of an OpenAI client, for tasks that only pass through; `null`: a chat, which can be translated. */
function sampleBody(model: string, task: WorkerTask, prompt: unknown): RawBody | null {
  const sample = SAMPLES[task]?.(prompt);
  if (sample === undefined) return null;
  const [endpoint, body] = sample;
  return readBody(endpoint, 'application/json', Buffer.from(JSON.stringify({ model, ...body }))).raw;
}

const SAMPLES: Partial<Record<WorkerTask, (prompt: unknown) => readonly [Endpoint, object]>> = {
  completion: (prompt) => ['/completions', { prompt }],
  embedding: (input) => ['/embeddings', { input }],
  image: (prompt) => ['/images/generations', { prompt }],
  audio: (input) => ['/audio/speech', { input, voice: 'alloy' }],
};

/** The answer that a client would get. @throws ProtocolError */
export function readDryAnswer(
  answer: UpstreamAnswer,
  prepared: PreparedCall,
): { readonly text: string; readonly usage: Usage | null } {
  if (prepared instanceof ProxyCall) {
    const tokens = new UsageScanner(prepared.isStream);
    tokens.scan(answer.bytes);
    return { text: answer.text, usage: tokens.usage };
  }
  const { text, toolCalls, usage } =
    prepared instanceof StreamCall ? collected(answer, prepared) : (prepared as WholeCall).read(answer);
  return { text: text ?? JSON.stringify(toolCalls), usage };
}

function collected(answer: UpstreamAnswer, call: StreamCall): ChatAnswer {
  const collector = new AnswerCollector();
  const reader = call.reader();
  const decoder = streamDecoder(call.format, answer.headers, (event) => {
    for (const each of reader.read(event)) collector.event(each);
  });
  decoder.push(answer.bytes);
  decoder.end();
  for (const each of reader.end()) collector.event(each);
  return collector.answer;
}
