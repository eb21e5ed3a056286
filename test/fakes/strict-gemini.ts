import type { ServerResponse } from 'node:http';
import { type FakeUpstream, json, type SeenRequest, startFakeUpstream } from './fake-upstream.js';

interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
}

interface Called {
  readonly id?: string;
  readonly name: string;
  readonly args?: object;
  readonly response?: object;
}

interface Part {
  readonly text?: string;
  readonly functionCall?: Called;
  readonly functionResponse?: Called;
  readonly thoughtSignature?: string;
}

interface Content {
  readonly role: string;
  readonly parts: readonly Part[];
}

interface Declaration {
  readonly name: string;
  readonly description?: unknown;
  readonly parameters?: Schema;
}

interface Config {
  readonly temperature?: unknown;
  readonly topP?: unknown;
  readonly maxOutputTokens?: unknown;
  readonly stopSequences?: readonly string[];
  readonly seed?: number;
  readonly responseMimeType?: string;
  readonly responseSchema?: Schema;
  readonly thinkingConfig?: { readonly thinkingBudget?: number; readonly thinkingLevel?: string };
}

/** The body of generateContent, whose rules are checked as it is read. */
export interface GeminiBody {
  readonly contents: readonly Content[];
  readonly systemInstruction?: { readonly parts: readonly Part[] };
  readonly tools?: readonly { readonly functionDeclarations: readonly Declaration[] }[];
  readonly toolConfig?: {
    readonly functionCallingConfig: {
      readonly mode: string;
      readonly allowedFunctionNames?: readonly string[];
    };
  };
  readonly generationConfig?: Config;
}

interface EmbeddingBody {
  readonly requests: readonly {
    readonly content: { readonly parts: readonly { readonly text: string }[] };
    readonly outputDimensionality?: number;
  }[];
}

export type GoogleServer = 'gemini' | 'vertex';

const SCHEMA_KEYS = new Set(
  'type format title description nullable enum items maxItems minItems properties required minProperties maxProperties minLength maxLength pattern default anyOf propertyOrdering minimum maximum'.split(
    ' ',
  ),
);
const BODY_KEYS = new Set(
  'contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels'.split(
    ' ',
  ),
);
const CONFIG_KEYS = new Set(
  'temperature topP topK maxOutputTokens stopSequences seed responseMimeType responseSchema thinkingConfig candidateCount'.split(
    ' ',
  ),
);
const CALL_KEYS = ['functionCall', 'functionResponse'] as const;
const DATA_KEYS = ['text', ...CALL_KEYS, 'inlineData', 'fileData'];
const NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/;

/**
 * What the server says of a body of generateContent, in the words of its 400; `null`: it takes it. The rules are those of
 * https://ai.google.dev/api/generate-content, and of the reports that the profile of the protocol cites.
 */
export function geminiFault(server: GoogleServer, model: string, body: GeminiBody): string | null {
  const isBefore3 = /gemini-[12][.-]/.test(model);
  try {
    known(BODY_KEYS, body, 'the body');
    checkContents(body.contents, server === 'vertex' && isBefore3, isBefore3);
    checkConfig(body.generationConfig ?? {}, model);
    for (const tool of body.tools ?? []) for (const one of tool.functionDeclarations) checkDeclaration(one);
    const { mode, allowedFunctionNames: allowed } = body.toolConfig?.functionCallingConfig ?? {};
    refuse(
      allowed !== undefined && mode !== 'ANY',
      'allowed_function_names should only be set with mode ANY',
    );
    const isJson = body.generationConfig?.responseMimeType === 'application/json';
    refuse(
      isBefore3 && isJson && (body.tools ?? []).length > 0,
      "Function calling with a response mime type: 'application/json' is unsupported",
    );
    const system = body.systemInstruction?.parts;
    refuse(system !== undefined && !system.every((part) => part.text?.trim()), 'empty systemInstruction');
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

class Refusal extends Error {}

function refuse(isRefused: boolean, message: string): void {
  if (isRefused) throw new Refusal(message);
}

function known(keys: ReadonlySet<string>, fields: object, where: string): void {
  for (const key of Object.keys(fields))
    refuse(
      !keys.has(key),
      `Invalid JSON payload received. Unknown name "${key}" at '${where}': Cannot find field.`,
    );
}

function checkContents(contents: readonly Content[], hasNoIds: boolean, isBefore3: boolean): void {
  refuse(!Array.isArray(contents) || contents.length === 0, 'contents is not specified');
  for (const [index, { role, parts, ...more }] of contents.entries()) {
    const at = `contents[${index}]`;
    known(new Set(), more, at);
    refuse(role !== 'user' && role !== 'model', 'Please use a valid role: user, model.');
    refuse(!Array.isArray(parts) || parts.length === 0, `${at}.parts must not be empty.`);
    refuse(role === contents[index - 1]?.role, 'Please ensure that multiturn requests alternate');
    for (const [nth, part] of parts.entries()) checkPart(part, `${at}.parts[${nth}]`, hasNoIds);
    const before = contents[index - 1];
    checkCalls(parts, before, contents[index + 1], isBefore3);
    const answers = parts.flatMap((part) => part.functionResponse ?? []);
    const calls = (before?.parts ?? []).flatMap((part) => part.functionCall ?? []);
    refuse(
      answers.length !== calls.length,
      'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
    );
    for (const [nth, answer] of answers.entries())
      refuse(
        answer.name !== calls[nth]?.name || answer.id !== calls[nth]?.id,
        'function response does not match its call',
      );
  }
  refuse(contents.at(-1)?.role !== 'user', 'Please ensure that multiturn requests end with a user role');
}

function checkCalls(
  parts: readonly Part[],
  before: Content | undefined,
  after: Content | undefined,
  isBefore3: boolean,
): void {
  const calls = parts.filter((part) => part.functionCall !== undefined);
  if (calls.length === 0) return;
  refuse(
    before?.role !== 'user' || after === undefined,
    'Please ensure that function call turn comes immediately after a user turn or after a function response turn.',
  );
  refuse(
    !isBefore3 && calls[0]?.thoughtSignature === undefined,
    'Function call is missing a thought_signature in functionCall parts.',
  );
}

function checkPart(part: Part, at: string, hasNoIds: boolean): void {
  known(new Set([...DATA_KEYS, 'thought', 'thoughtSignature']), part, at);
  const data = DATA_KEYS.filter((key) => key in part);
  refuse(data.length !== 1, `${at}: required oneof field 'data' must have one initialized field`);
  refuse(part.text !== undefined && part.text.trim() === '', `${at}.text must not be empty`);
  for (const key of CALL_KEYS) {
    const called = part[key];
    if (called === undefined) continue;
    known(new Set([...(hasNoIds ? [] : ['id']), 'name', 'args', 'response']), called, `${at}.${key}`);
    refuse(
      !NAME.test(called.name),
      `Invalid function name ${called.name}. Must start with a letter or an underscore.`,
    );
    refuse(called.id === '', `${at}.${key}.id must not be empty`);
    const object: unknown = called.args ?? called.response;
    refuse(
      typeof object !== 'object' || object === null || Array.isArray(object),
      `${at}.${key} is no Struct`,
    );
  }
}

function inRange(value: unknown, least: number, most: number): boolean {
  return value === undefined || (typeof value === 'number' && value >= least && value <= most);
}

function checkConfig(config: Config, model: string): void {
  known(CONFIG_KEYS, config, 'generation_config');
  refuse(!inRange(config.temperature, 0, 2), 'temperature must be in the range [0.0, 2.0]');
  refuse(!inRange(config.topP, 0, 1), 'top_p must be in the range [0.0, 1.0]');
  const most = /gemini-(?:1\.|2\.0)/.test(model) ? 8192 : 65_536;
  refuse(!inRange(config.maxOutputTokens, 1, most), `maxOutputTokens: supported range is 1 to ${most}`);
  refuse((config.stopSequences ?? []).length > 5, 'stop_sequences: at most 5');
  refuse(
    config.seed !== undefined && (config.seed | 0) !== config.seed,
    'Invalid value at seed (TYPE_INT32)',
  );
  if (config.responseSchema !== undefined) checkSchema(config.responseSchema, 'response_schema');
  const { thinkingBudget: budget, thinkingLevel: level } = config.thinkingConfig ?? {};
  refuse(budget !== undefined && /gemini-3/.test(model) && level !== undefined, 'budget and level');
  refuse(level !== undefined && !/gemini-3/.test(model), 'Thinking level is not supported for this model.');
  refuse(level === 'minimal' && /gemini-3[\d.]*-pro/.test(model), 'Thinking level MINIMAL is not supported');
  refuse(budget === 0 && /-pro/.test(model), 'Budget 0 is invalid. This model only works in thinking mode.');
  refuse(
    budget !== undefined && /gemini-(?:1\.|2\.0)/.test(model),
    'Thinking is not supported by this model',
  );
}

function checkDeclaration({ name, description, parameters, ...more }: Declaration): void {
  known(new Set(), more, 'function_declarations');
  refuse(!NAME.test(name), `Invalid function name ${name}. Must start with a letter or an underscore.`);
  refuse(description !== undefined && typeof description !== 'string', 'description must be a string');
  if (parameters === undefined) return;
  refuse(
    parameters.type !== 'object',
    `\`${name}\` functionDeclaration parameters schema should be of type OBJECT`,
  );
  checkSchema(parameters, `${name}.parameters`);
}

function checkSchema(schema: Schema, at: string): void {
  known(SCHEMA_KEYS, schema, at);
  const { type, anyOf, properties, items, required = [], enum: texts, format } = schema;
  refuse(
    anyOf !== undefined && Object.keys(schema).length > 1,
    `\`${at}\` schema specified other fields alongside any_of. When using any_of, it must be the only field set.`,
  );
  refuse(type === undefined && anyOf === undefined, `\`${at}\` schema didn't specify the schema type field.`);
  for (const [index, choice] of (anyOf ?? []).entries()) checkSchema(choice, `${at}.any_of[${index}]`);
  if (anyOf !== undefined) return;
  refuse(
    !['string', 'number', 'integer', 'boolean', 'array', 'object'].includes(type ?? ''),
    `${at}: type ${type}`,
  );
  refuse(type === 'array' && items === undefined, `${at}.items: missing field.`);
  refuse(type !== 'array' && items !== undefined, `${at}.items: only for ARRAY`);
  refuse(type !== 'object' && properties !== undefined, `${at}.properties: only for OBJECT`);
  refuse(
    properties !== undefined && Object.keys(properties).length === 0,
    `${at}.properties: should be non-empty for OBJECT type`,
  );
  for (const name of required)
    refuse(!Object.hasOwn(properties ?? {}, name), `${at}.required[0]: property is not defined`);
  refuse(texts !== undefined && type !== 'string', `${at}.enum: only allowed for STRING type`);
  refuse(
    texts?.some((text) => typeof text !== 'string' || text === '') === true,
    `${at}.enum: cannot be empty`,
  );
  const formats: Readonly<Record<string, readonly string[]>> = {
    string: ['enum', 'date-time'],
    number: ['float', 'double'],
    integer: ['int32', 'int64'],
  };
  refuse(
    format !== undefined && !formats[type ?? '']?.includes(format ?? ''),
    `${at}: format ${format} is not supported`,
  );
  if (items !== undefined) checkSchema(items, `${at}.items`);
  for (const [name, property] of Object.entries(properties ?? {})) checkSchema(property, `${at}.${name}`);
}

/** What the model answers where the request holds no fault. */
export type Reply = (body: GeminiBody, model: string) => readonly object[];

const USAGE = { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18 };
const BATCH = 100;

/** A server that answers 400 to what the real one refuses. `reply` gives the parts of its answers. */
export function startStrictGemini(server: GoogleServer, reply: Reply): Promise<FakeUpstream> {
  return startFakeUpstream((response, request) => {
    const [, model = '', method = ''] = /\/models\/([^:?]+):(\w+)/.exec(request.url) ?? [];
    if (method === 'batchEmbedContents')
      return embed(JSON.parse(request.body) as EmbeddingBody, response, request);
    const body = JSON.parse(request.body) as GeminiBody;
    const fault = geminiFault(server, model, body);
    if (fault !== null) return refuseWith(fault, response, request);
    const parts = reply(body, model);
    const answers = method.startsWith('stream') ? parts.map((part) => [part]) : [parts];
    const bodies = answers.map((each, index) => ({
      candidates: [
        {
          content: { role: 'model', parts: each },
          ...(index === answers.length - 1 ? { finishReason: 'STOP' } : {}),
        },
      ],
      usageMetadata: USAGE,
    }));
    if (!method.startsWith('stream')) return json(bodies[0])(response, request);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(bodies.map((each) => `data: ${JSON.stringify(each)}\r\n\r\n`).join(''));
  });
}

function refuseWith(message: string, response: ServerResponse, request: SeenRequest): void {
  json({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }, 400)(response, request);
}

/** The vector of a text begins with the number in it; `refuse me` is refused. */
function embed({ requests }: EmbeddingBody, response: ServerResponse, request: SeenRequest): void {
  if (requests.length > BATCH)
    return refuseWith(
      `* BatchEmbedContentsRequest.requests: at most ${BATCH} requests can be in one batch`,
      response,
      request,
    );
  if (requests.some(({ content }) => content.parts[0]?.text === 'refuse me'))
    return refuseWith('the text is refused', response, request);
  const values = requests.map(({ content, outputDimensionality: size = 3 }) => ({
    values: Array.from({ length: size }, (_, at) =>
      at === 0 ? Number(/\d+/.exec(content.parts[0]?.text ?? '') ?? 0) : 0.5,
    ),
  }));
  json({ embeddings: values, usageMetadata: { promptTokenCount: requests.length } })(response, request);
}
