import fc from 'fast-check';
import type { OpenAiChat, OpenAiMessage, OpenAiTool, OpenAiToolCall } from '../../src/inference/chat/chat.js';

export const chatText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom('', ' ', '\n', 'Hello', '😀', '\ud800'),
);
const name = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
/** Ids as models write them: valid or invalid for Anthropic, and repeated from turn to turn. */
const callId = fc.oneof(name, fc.constantFrom('call_0', 'call_1', 'functions.get:0', 'functions_get_0', ''));
const jsonObject = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const argumentsText = fc.oneof(
  jsonObject.map((value) => JSON.stringify(value)),
  fc.constant(''),
);
const toolCall = fc.record({ id: callId, name, text: argumentsText }).map((call): OpenAiToolCall => ({
  id: call.id,
  type: 'function',
  function: { name: call.name, arguments: call.text },
}));
export const toolCalls = fc.uniqueArray(toolCall, { maxLength: 3, selector: ({ id }) => id });

const image = fc
  .constantFrom('https://a.test/cat.png', 'data:image/png;base64,iVBORw0KGgo=', 'data:image/jpeg;base64,/9j/')
  .map((url) => ({ type: 'image_url', image_url: { url } }) as const);
const textPart = chatText.map((text) => ({ type: 'text', text }) as const);
const content = fc.oneof(chatText, fc.array(fc.oneof(textPart, image), { maxLength: 3 }));

type Messages = readonly OpenAiMessage[];
const user = content.map((text): Messages => [{ role: 'user', content: text }]);
const system = fc
  .record({ role: fc.constantFrom('system', 'developer'), content: chatText })
  .map((message): Messages => [message]);

/** A turn of the assistant and the results of its calls, in any order. */
const exchange = fc.record({ text: fc.option(chatText), calls: toolCalls }).chain(({ text, calls }) =>
  fc
    .tuple(
      fc.shuffledSubarray(calls, { minLength: calls.length }),
      fc.array(chatText, { minLength: calls.length, maxLength: calls.length }),
    )
    .map(([answered, answers]): Messages => [
      { role: 'assistant', content: text, ...(calls.length === 0 ? {} : { tool_calls: calls }) },
      ...answered.map(({ id }, index): OpenAiMessage => ({
        role: 'tool',
        tool_call_id: id,
        content: answers[index] ?? '',
      })),
    ]),
);

const tool = fc
  .record({ name, description: fc.option(chatText, { nil: undefined }), strict: fc.boolean() })
  .map(({ name: called, description, strict }): OpenAiTool => ({
    type: 'function',
    function: {
      name: called,
      ...(description === undefined ? {} : { description }),
      parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
      ...(strict ? { strict } : {}),
    },
  }));

const options = fc.record(
  {
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    top_p: fc.double({ min: 0, max: 1, noNaN: true }),
    max_tokens: fc.integer({ min: 1, max: 9000 }),
    stop: fc.oneof(fc.constant('END'), fc.constant(['a', 'b'])),
    user: name,
    stream: fc.boolean(),
    parallel_tool_calls: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** A chat in which every call has its result, so that a translation has no reason to refuse it. */
export const wellFormedChat: fc.Arbitrary<OpenAiChat> = fc
  .record({
    groups: fc.array(fc.oneof(user, system, exchange), { maxLength: 6 }),
    tools: fc.array(tool, { maxLength: 2 }),
    options,
  })
  .map(({ groups, tools, options: given }) => ({
    model: 'm',
    messages: [{ role: 'user', content: 'Hi' }, ...groups.flat()],
    ...given,
    ...(tools.length === 0 ? {} : { tools }),
  }));

const junk = fc.jsonValue({ maxDepth: 2 });
const oddPart = fc.record(
  {
    type: fc.constantFrom('text', 'image_url', 'file', 'input_audio', 'refusal', 'other'),
    text: chatText,
    image_url: fc.oneof(fc.record({ url: chatText }), junk),
    file: fc.oneof(fc.constant({ file_data: 'data:text/plain;base64,QQ==' }), junk),
    input_audio: fc.oneof(fc.constant({ data: 'AA==', format: 'wav' }), junk),
  },
  { requiredKeys: ['type'] },
);
const oddMessage = fc.record(
  {
    role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function', 'other'),
    content: fc.oneof(content, fc.constant(null), fc.array(oddPart, { maxLength: 2 })),
    tool_calls: fc.oneof(toolCalls, fc.array(junk, { maxLength: 2 })),
    tool_call_id: callId,
  },
  { requiredKeys: ['role'] },
);
const oddFields = fc.dictionary(
  fc.constantFrom('n', 'stop', 'tool_choice', 'response_format', 'modalities', 'functions', 'user', 'seed'),
  fc.oneof(fc.constantFrom('none', 'auto', 'required', 1, { type: 'json_object' }), junk),
  { maxKeys: 2 },
);

/** A chat as checked before translation: messages with roles and parts with types, in any order. */
export const anyChat: fc.Arbitrary<OpenAiChat> = fc
  .record({
    messages: fc.array(oddMessage, { minLength: 1, maxLength: 6 }),
    tools: fc.array(fc.oneof(tool, junk), { maxLength: 2 }),
    options,
    odd: oddFields,
  })
  .map(
    ({ messages, tools, options: given, odd }) =>
      ({ model: 'm', messages, tools, ...given, ...odd }) as unknown as OpenAiChat,
  );

/** JSON schemas, also odd ones, with references into their root. */
export const anySchema = fc.letrec((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    fc.jsonValue({ maxDepth: 1 }),
    fc.record(
      {
        type: fc.oneof(
          fc.constantFrom('object', 'string', 'array', 'integer', 'null'),
          fc.constant(['string', 'null']),
          fc.constant(['string', 'integer']),
        ),
        $ref: fc.constantFrom('#/$defs/a', '#/$defs/b', '#', '#/no', 'https://a.test'),
        $defs: fc.record({ a: tie('schema'), b: tie('schema') }),
        properties: fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), tie('schema'), { maxKeys: 2 }),
        required: fc.subarray(['x', 'y', 'z']),
        items: fc.oneof(tie('schema'), fc.array(tie('schema'), { maxLength: 2 })),
        anyOf: fc.array(tie('schema'), { maxLength: 2 }),
        oneOf: fc.array(tie('schema'), { maxLength: 2 }),
        allOf: fc.array(tie('schema'), { maxLength: 2 }),
        enum: fc.array(fc.jsonValue({ maxDepth: 0 }), { maxLength: 2 }),
        const: fc.jsonValue({ maxDepth: 0 }),
        additionalProperties: fc.boolean(),
        description: chatText,
        default: fc.jsonValue({ maxDepth: 0 }),
        minimum: fc.integer(),
        maxLength: fc.nat(),
        format: fc.constantFrom('uri', 'date-time', 'int32'),
        $schema: fc.constant('https://json-schema.org/draft/2020-12/schema'),
      },
      { requiredKeys: [] },
    ),
  ),
})).schema;
