import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyChat, anySchema, wellFormedChat } from '../../../../test/arbitraries/chats.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import type { JsonValue } from '../../../input/json.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { UnsupportedFieldError } from '../../chat/chat-errors.js';
import { geminiChatPath, geminiRequest } from './backend-request.js';
import { geminiSchema, ReferenceBudget } from './schema.js';

type Part = Readonly<Record<string, { readonly id: string; readonly name: string }>>;
interface Body {
  readonly contents: readonly { readonly role: string; readonly parts: readonly Part[] }[];
}

const request = (chat: OpenAiChat, model = 'gemini-2.5-flash'): Body & Readonly<Record<string, unknown>> =>
  geminiRequest(chat, profileOf('gemini', model, null)) as unknown as Body &
    Readonly<Record<string, unknown>>;
const chatWith = (fields: Partial<OpenAiChat>): OpenAiChat => ({
  model: 'm',
  messages: [{ role: 'user', content: 'Hi' }],
  ...fields,
});
const CONTENTS = [{ role: 'user', parts: [{ text: 'Hi' }] }];

describe('The Gemini backend request', () => {
  it('has alternating turns with results after their calls for any chat, or names the unsupported field', () => {
    fc.assert(
      fc.property(fc.oneof(wellFormedChat, anyChat), (chat) => {
        let body: Body;
        try {
          body = request(chat);
        } catch (error) {
          if (error instanceof UnsupportedFieldError) return;
          throw error;
        }
        for (const [index, { role, parts }] of body.contents.entries()) {
          expect(parts.length).toBeGreaterThan(0);
          expect(role).not.toBe(body.contents[index + 1]?.role);
          const called = parts.flatMap(({ functionCall: call }) =>
            call === undefined ? [] : [[call.id, call.name]],
          );
          const next = body.contents[index + 1]?.parts ?? [];
          const answered = next.flatMap(({ functionResponse: answer }) =>
            answer === undefined ? [] : [[answer.id, answer.name]],
          );
          expect(answered).toEqual(called);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('accepts every chat whose calls are all answered', () => {
    fc.assert(
      fc.property(wellFormedChat, (chat) => {
        expect(request(chat).contents.length).toBeGreaterThan(0);
      }),
    );
  });

  // The requests of https://ai.google.dev/gemini-api/docs/function-calling
  it('equals the requests of the documentation', () => {
    const parameters = {
      type: 'object',
      properties: { location: { type: 'string', description: 'The city name, e.g. San Francisco' } },
      required: ['location'],
    };
    const body = request({
      model: 'm',
      temperature: 0,
      max_completion_tokens: 50,
      stop: ['END'],
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'user', content: "What's the temperature in London?" },
        {
          role: 'assistant',
          tool_calls: [
            {
              id: 'call_0',
              type: 'function',
              function: { name: 'get_current_temperature', arguments: '{"location":"London"}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_0', content: '{"temperature":15}' },
      ],
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_current_temperature',
            description: 'Gets the current temperature for a given location.',
            parameters,
          },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'get_current_temperature' } },
    });
    expect(body).toEqual({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        { role: 'user', parts: [{ text: "What's the temperature in London?" }] },
        {
          role: 'model',
          parts: [
            { functionCall: { id: 'call_0', name: 'get_current_temperature', args: { location: 'London' } } },
          ],
        },
        {
          role: 'user',
          parts: [
            {
              functionResponse: {
                id: 'call_0',
                name: 'get_current_temperature',
                response: { temperature: 15 },
              },
            },
          ],
        },
      ],
      tools: [
        {
          functionDeclarations: [
            {
              name: 'get_current_temperature',
              description: 'Gets the current temperature for a given location.',
              parameters,
            },
          ],
        },
      ],
      toolConfig: {
        functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['get_current_temperature'] },
      },
      generationConfig: { temperature: 0, maxOutputTokens: 50, stopSequences: ['END'] },
    });
  });

  // https://ai.google.dev/gemini-api/docs/thought-signatures
  it('sends Gemini since 3 the signature of the first call, or the value for a missing one', () => {
    const call = (id: string, extra = {}) => ({
      id,
      type: 'function' as const,
      function: { name: 'f', arguments: '' },
      ...extra,
    });
    const signed = { extra_content: { google: { thought_signature: 'c2ln' } } };
    const answer = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'text' });
    const parts = (extra: object, model: string) =>
      request(
        chatWith({
          messages: [
            { role: 'user', content: 'Hi' },
            { role: 'assistant', tool_calls: [call('a', extra), call('b')] },
            answer('a'),
            answer('b'),
          ],
        }),
        model,
      ).contents[1]?.parts.map(({ thoughtSignature }) => thoughtSignature);
    expect(parts({}, 'gemini-3-pro')).toEqual(['skip_thought_signature_validator', undefined]);
    expect(parts({}, 'gemini-2.5-pro')).toEqual([undefined, undefined]);
    expect(parts(signed, 'gemini-3-pro')).toEqual(['c2ln', undefined]);
  });

  it('sends images, audio and documents', () => {
    const { contents } = request(
      chatWith({
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
              { type: 'image_url', image_url: { url: 'https://a.test/cat.JPG?w=1' } },
              { type: 'input_audio', input_audio: { data: 'UklG', format: 'wav' } },
              { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' } },
            ],
          },
        ],
      }),
    );
    expect(contents[0]?.parts).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'iVBO' } },
      { fileData: { mimeType: 'image/jpeg', fileUri: 'https://a.test/cat.JPG?w=1' } },
      { inlineData: { mimeType: 'audio/wav', data: 'UklG' } },
      { inlineData: { mimeType: 'application/pdf', data: 'JVBE' } },
    ]);
  });

  it('requests JSON for a JSON response_format', () => {
    expect(request(chatWith({ response_format: { type: 'json_object' } }))).toEqual({
      contents: CONTENTS,
      generationConfig: { responseMimeType: 'application/json' },
    });
    const schema = { type: 'array', items: { type: 'string' }, $schema: 'x' };
    expect(
      request(chatWith({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } })),
    ).toEqual({
      contents: CONTENTS,
      generationConfig: {
        responseMimeType: 'application/json',
        responseSchema: { type: 'array', items: { type: 'string' } },
      },
    });
  });

  it('declares a tool without properties without parameters', () => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'now', parameters: { type: 'object', properties: {} } },
      },
    ];
    expect(request(chatWith({ tools, tool_choice: 'none' }))).toEqual({
      contents: CONTENTS,
      tools: [{ functionDeclarations: [{ name: 'now' }] }],
      toolConfig: { functionCallingConfig: { mode: 'NONE' } },
    });
  });

  // https://platform.openai.com/docs/guides/function-calling#tool-choice
  it('declares only the tools that may be called', () => {
    const tools = ['a', 'b', 'c'].map((name) => ({ type: 'function' as const, function: { name } }));
    const choice = (mode: string) => ({
      type: 'allowed_tools',
      allowed_tools: { mode, tools: ['c', 'a'].map((name) => ({ type: 'function', function: { name } })) },
    });
    for (const [mode, called] of [
      ['auto', 'AUTO'],
      ['required', 'ANY'],
    ] as const)
      expect(request(chatWith({ tools, tool_choice: choice(mode) as never }))).toEqual({
        contents: CONTENTS,
        tools: [{ functionDeclarations: [{ name: 'a' }, { name: 'c' }] }],
        toolConfig: { functionCallingConfig: { mode: called } },
      });
    expect(() => request(chatWith({ tools, tool_choice: choice('some') as never }))).toThrow(
      new UnsupportedFieldError('tool_choice.allowed_tools.mode', 'must be "auto" or "required"'),
    );
  });

  // https://ai.google.dev/gemini-api/docs/openai#thinking
  it.each<[string, string, object | undefined]>([
    ['gemini-2.5-flash', 'minimal', { thinkingBudget: 1024 }],
    ['gemini-2.5-flash', 'low', { thinkingBudget: 1024 }],
    ['gemini-2.5-flash', 'medium', { thinkingBudget: 8192 }],
    ['gemini-2.5-pro', 'high', { thinkingBudget: 24576 }],
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 1024 }],
    ['gemini-3-flash-preview', 'minimal', { thinkingLevel: 'minimal' }],
    ['models/gemini-3.1-pro-preview', 'minimal', { thinkingLevel: 'low' }],
    ['gemini-3.1-pro-preview', 'medium', { thinkingLevel: 'medium' }],
    ['gemini-3-flash-preview', 'none', { thinkingLevel: 'minimal' }],
    ['gemini-3-flash-preview', 'xhigh', { thinkingLevel: 'high' }],
    ['gemini-flash-latest', 'medium', { thinkingBudget: 8192 }],
    ['gemini-2.0-flash', 'high', undefined],
    ['gemma-3-27b-it', 'high', undefined],
    ['tunedModels/mine', 'high', undefined],
    ['gemini-2.5-flash', 'no-such', undefined],
  ])('translates for %s the effort %s to %j', (model, reasoning_effort, thinkingConfig) => {
    const body = request(chatWith({ reasoning_effort }), model);
    expect(body['generationConfig']).toEqual(thinkingConfig === undefined ? undefined : { thinkingConfig });
  });

  // https://ai.google.dev/gemini-api/docs/openai#extra-body
  it("passes Google's own fields on", () => {
    const thinking_config = { thinking_level: 'low', include_thoughts: true };
    const google = { thinking_config, cached_content: 'cachedContents/a' };
    expect(request(chatWith({ reasoning_effort: 'high', extra_body: { google } }))).toEqual({
      contents: CONTENTS,
      generationConfig: { thinkingConfig: thinking_config },
      cachedContent: 'cachedContents/a',
    });
  });

  it('sends tool results as objects in the order of the calls', () => {
    const call = (id: string) => ({ id, type: 'function' as const, function: { name: id, arguments: '{}' } });
    const answers = ['[1,2]', 'plain', '7', '{"a":1}', ''];
    const ids = answers.map((_, index) => `c${index}`);
    const { contents } = request(
      chatWith({
        messages: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', tool_calls: ids.map(call) },
          ...answers
            .map((content, index) => ({ role: 'tool', tool_call_id: `c${index}`, content }))
            .toReversed(),
        ],
      }),
    );
    expect(contents[2]?.parts.map(({ functionResponse }) => functionResponse)).toEqual(
      [{ output: '[1,2]' }, { output: 'plain' }, { output: '7' }, { a: 1 }, { output: '' }].map(
        (response, index) => ({ id: `c${index}`, name: `c${index}`, response }),
      ),
    );
  });

  it('sends sampling options and leaves out those that today’s models reject', () => {
    const sampling = { top_p: 0.5, seed: 7, presence_penalty: 1, frequency_penalty: 1, logprobs: true };
    expect(request(chatWith({ ...sampling, stop: 'END' }))).toEqual({
      contents: CONTENTS,
      generationConfig: { topP: 0.5, seed: 7, stopSequences: ['END'] },
    });
    expect(request(chatWith({ seed: 2 ** 40 }))).toEqual({ contents: CONTENTS });
    expect(() => request(chatWith({ n: 2 }))).toThrow(UnsupportedFieldError);
  });

  it.each([
    ['gemini-2.5-flash', false, '/models/gemini-2.5-flash:generateContent'],
    ['gemini-2.5-flash', true, '/models/gemini-2.5-flash:streamGenerateContent?alt=sse'],
    ['models/gemini-2.5-flash', false, '/models/gemini-2.5-flash:generateContent'],
    ['tunedModels/mine', false, '/tunedModels/mine:generateContent'],
    ['publishers/google/models/gemini-3', false, '/publishers/google/models/gemini-3:generateContent'],
    ['google/gemini-3', false, '/models/google/gemini-3:generateContent'],
    ['gemma:2b', false, '/models/gemma%3A2b:generateContent'],
    ['a?b#c', false, '/models/a%3Fb%23c:generateContent'],
  ])('uses the path of %s (stream: %j)', (model, stream, path) =>
    expect(geminiChatPath(model, stream)).toBe(path),
  );

  it.each(['models/../files', 'models/./x', '../x'])('rejects the model name %s', (model) => {
    expect(() => geminiChatPath(model, false)).toThrow(UnsupportedFieldError);
  });
});

describe('The Gemini schema', () => {
  const cleaned = (root: unknown) => geminiSchema(root as never, 'f', new ReferenceBudget());
  const ALLOWED = new Set(
    'type format title description nullable enum items maxItems minItems properties required minProperties maxProperties minLength maxLength pattern default anyOf propertyOrdering minimum maximum'.split(
      ' ',
    ),
  );
  /** Whether a schema and its parts have only keywords of Gemini. */
  const isKnown = (schema: JsonValue): boolean => {
    const fields = schema as Readonly<Record<string, JsonValue>>;
    const properties = (fields['properties'] ?? {}) as Readonly<Record<string, JsonValue>>;
    const within = [
      ...(fields['items'] === undefined ? [] : [fields['items']]),
      ...((fields['anyOf'] ?? []) as readonly JsonValue[]),
      ...Object.values(properties),
    ];
    return (
      Object.keys(fields).every((key) => ALLOWED.has(key)) &&
      ((fields['required'] ?? []) as readonly string[]).every((name) => Object.hasOwn(properties, name)) &&
      ((fields['enum'] ?? []) as readonly JsonValue[]).every((value) => typeof value === 'string') &&
      within.every(isKnown)
    );
  };
  const isKnownOrRefused = (root: unknown): boolean => {
    try {
      return isKnown(cleaned(root));
    } catch (error) {
      if (error instanceof UnsupportedFieldError) return true;
      throw error;
    }
  };
  it('contains only keywords that Gemini accepts', () => {
    const root = fc.dictionary(
      fc.constantFrom('properties', '$defs', 'items', 'anyOf', 'allOf', '$ref'),
      anySchema,
    );
    fc.assert(
      fc.property(root, (sent) => {
        expect(isKnownOrRefused(sent)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('expands references and turns the type null into nullable', () => {
    const place = {
      type: 'object',
      properties: { city: { type: ['string', 'null'], format: 'city' }, next: { $ref: '#/$defs/Place' } },
      required: ['city', 'gone'],
      additionalProperties: false,
    };
    expect(
      cleaned({
        type: 'object',
        $defs: { Place: place },
        properties: {
          from: { $ref: '#/$defs/Place', description: 'Where' },
          mode: { const: 'air' },
          when: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
          seats: { oneOf: [{ type: 'integer', exclusiveMinimum: 0 }, { type: 'string' }] },
          note: { allOf: [{ type: 'string' }], description: 'A note' },
        },
      }),
    ).toEqual({
      type: 'object',
      properties: {
        from: {
          type: 'object',
          description: 'Where',
          properties: { city: { type: 'string', nullable: true }, next: { type: 'object' } },
          required: ['city'],
        },
        mode: { type: 'string', enum: ['air'] },
        when: { type: 'string', format: 'date-time', nullable: true },
        seats: { anyOf: [{ type: 'integer' }, { type: 'string' }] },
        note: { type: 'string', description: 'A note' },
      },
    });
  });

  it('rejects a schema that expands without end', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [
        `d${n}`,
        { properties: { a: { $ref: `#/$defs/d${n + 1}` }, b: { $ref: `#/$defs/d${n + 1}` } } },
      ]),
    );
    expect(() => cleaned({ $defs, $ref: '#/$defs/d0' })).toThrow(UnsupportedFieldError);
    const chain = Object.fromEntries(
      Array.from({ length: 5000 }, (_, n) => [`d${n}`, { items: { $ref: `#/$defs/d${n + 1}` } }]),
    );
    expect(() => cleaned({ $defs: chain, $ref: '#/$defs/d0' })).toThrow(UnsupportedFieldError);
  });
});
