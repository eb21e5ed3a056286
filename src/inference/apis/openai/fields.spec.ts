import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../../input/input-errors.js';
import { PIXEL } from '../../../../test/compatibility/model.js';
import { profileOf } from '../../../registry/profiles/profile.js';
import type { PlaceholderName } from '../../../template/placeholders.js';
import { adaptChat } from '../../adapt/adapt-chat.js';
import type { OpenAiChat } from '../../chat/chat.js';
import { CHAT_FIELDS, type FieldFate } from '../../chat/chat-fields.js';
import { API_ADAPTERS } from '../api-adapters.js';
import { rejectUnsupportedFields } from '../template/unsupported.js';
import { EMBEDDING_FIELDS, IMAGE_FIELDS, readInput } from './client-request.js';
import { COMPLETION_FIELDS, completionAsChat } from './completion-as-chat.js';

type Fates = Readonly<Record<string, FieldFate>>;

const require = createRequire(import.meta.url);

/** The names of the fields of a type of the openai package. */
function fieldsOf(file: string, type: string): readonly string[] {
  const types = require.resolve(`openai/resources/${file}`).replace(/\.m?js$/, '.d.ts');
  const [, base = ''] =
    new RegExp(`interface ${type} \\{\\n([^]*?)\\n\\}`).exec(readFileSync(types, 'utf8')) ?? [];
  return [...base.matchAll(/^ {4}([a-z_]+)\??:/gm)].map(([, name = '']) => name);
}

const named = (fields: Fates, fate: FieldFate): readonly string[] =>
  Object.entries(fields).flatMap(([name, its]) => (its === fate ? [name] : []));

describe('the tables of fields', () => {
  it.each<readonly [string, Fates, readonly (readonly [string, string])[]]>([
    ['chats', CHAT_FIELDS, [['chat/completions/completions', 'ChatCompletionCreateParamsBase']]],
    ['completions', COMPLETION_FIELDS, [['completions', 'CompletionCreateParamsBase']]],
    ['embeddings', EMBEDDING_FIELDS, [['embeddings', 'EmbeddingCreateParams']]],
    [
      'images',
      IMAGE_FIELDS,
      [
        ['images', 'ImageGenerateParamsBase'],
        ['images', 'ImageEditParamsBase'],
        ['images', 'ImageCreateVariationParams'],
      ],
    ],
  ])('name each field that the openai package has for %s, and no other', (_api, table, types) => {
    const names = new Set(types.flatMap(([file, type]) => fieldsOf(file, type)));
    expect(names.size).toBeGreaterThan(4);
    expect(Object.keys(table).toSorted()).toEqual([...names].toSorted());
  });
});

const TOOL = { type: 'function', function: { name: 'get', parameters: { type: 'object', properties: {} } } };
const CHAT: OpenAiChat = {
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  tools: [TOOL] as OpenAiChat['tools'] & object,
};
/** A value that is neither the default nor neutral. */
const VALUES: Readonly<Record<string, unknown>> = {
  messages: [{ role: 'user', content: 'ho' }],
  model: 'other',
  max_completion_tokens: 7,
  max_tokens: 7,
  parallel_tool_calls: false,
  reasoning_effort: 'high',
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
  safety_identifier: 'u-1',
  seed: 1,
  stop: 'END',
  temperature: 0.5,
  tool_choice: 'required',
  tools: [{ ...TOOL, function: { ...TOOL.function, name: 'put' } }],
  top_p: 0.5,
  user: 'u-1',
  n: 2,
  modalities: ['audio'],
  best_of: 2,
};
const valueOf = (name: string): unknown => VALUES[name] ?? { some: 'value' };

/** The request as each API has it that is not the client's. */
function translated(chat: OpenAiChat): string {
  const models = { anthropic: 'claude-sonnet-4-5', gemini: 'gemini-3-flash' } as const;
  const requests = (['anthropic', 'gemini'] as const).map((protocol) => {
    const profile = profileOf(protocol, models[protocol], null);
    const model = chat.model === CHAT.model ? models[protocol] : chat.model;
    const adapted = adaptChat({ ...chat, model }, profile).chat;
    return API_ADAPTERS[protocol].request(adapted, false, profile);
  });
  return JSON.stringify(requests);
}

const template = (task: 'chat' | 'image', body: object, path: '/chat/completions' | '/images/edits') =>
  rejectUnsupportedFields(
    task,
    {
      openAi: () => body as OpenAiChat,
      input: () => readInput(path, body as Record<string, unknown>),
    },
    new Set<PlaceholderName>(['USER_PROMPT']),
  );

describe('the fields of a chat for a worker of another API', () => {
  it('that are carried reach Anthropic or Gemini, but for those of a stream, which its writer reads', () => {
    const lost = named(CHAT_FIELDS, 'carried').filter(
      (name) => translated({ ...CHAT, [name]: valueOf(name) }) === translated(CHAT),
    );
    expect(lost).toEqual(['stream', 'stream_options']);
  });

  it('that are hints change nothing, and neither do fields that no table names', () => {
    for (const name of [...named(CHAT_FIELDS, 'hint'), 'top_k', 'ignore_eos'])
      expect([name, translated({ ...CHAT, [name]: valueOf(name) })]).toEqual([name, translated(CHAT)]);
  });

  it('that are refused are named, by a template, too', () => {
    for (const name of named(CHAT_FIELDS, 'refused')) {
      expect(() => translated({ ...CHAT, [name]: valueOf(name) })).toThrow(`${name}: `);
      const { tools: _, ...plain } = CHAT;
      expect(() => template('chat', { ...plain, [name]: valueOf(name) }, '/chat/completions')).toThrow(
        `${name}: `,
      );
    }
  });
});

describe('the fields of a completion for a model that chats', () => {
  const asChat = (more: object) =>
    completionAsChat({ model: 'm', prompt: 'hi', ...more }, [{ role: 'user', content: 'hi' }]);

  it('have the fate that the same field of a chat has', () => {
    for (const fate of ['carried', 'hint'] as const)
      for (const name of named(COMPLETION_FIELDS, fate).filter((each) => each !== 'prompt')) {
        expect([name, (CHAT_FIELDS as Fates)[name]]).toEqual([name, fate]);
        expect(asChat({ [name]: valueOf(name) })).toHaveProperty(name);
      }
  });

  it('that are refused are named', () => {
    for (const name of named(COMPLETION_FIELDS, 'refused'))
      expect(() => asChat({ [name]: valueOf(name) })).toThrow(`${name}: `);
  });
});

describe('the fields of a request for embeddings, for Gemini', () => {
  const sentFor = (more: object): string => {
    const { embeddings } = API_ADAPTERS.gemini;
    const body = { model: 'gemini-embedding-001', input: ['a'], ...more };
    const profile = profileOf('gemini', body.model, null);
    return JSON.stringify(embeddings?.request(body.input, body, body.model, profile));
  };

  it('that are carried reach it, but for the encoding, in which the answer is written here', () => {
    const values: Readonly<Record<string, unknown>> = {
      model: 'another',
      input: ['b'],
      dimensions: 5,
      encoding_format: 'base64',
    };
    const lost = named(EMBEDDING_FIELDS, 'carried').filter(
      (name) => sentFor({ [name]: values[name] }) === sentFor({}),
    );
    expect(lost).toEqual(['encoding_format']);
  });

  it('that are hints, or known to no table, change nothing', () => {
    for (const name of [...named(EMBEDDING_FIELDS, 'hint'), 'input_type'])
      expect([name, sentFor({ [name]: 'x' })]).toEqual([name, sentFor({})]);
  });
});

describe('the fields of a request for images, for a template', () => {
  const PROMPT = { prompt: 'a cat' };
  const faultOf = (more: object): string => {
    try {
      template('image', { ...PROMPT, ...more }, '/images/edits');
    } catch (error) {
      if (error instanceof InvalidInputError) return error.details.map(({ field }) => field).join();
      return error instanceof Error ? error.message : '';
    }
    return '';
  };
  const image = `data:image/png;base64,${PIXEL}`;
  const WANTED: Readonly<Record<string, unknown>> = { image, mask: image, n: 2, size: '16x16', stream: true };

  it('that change the picture and have no place are refused by name', () => {
    for (const [name, value] of Object.entries(WANTED))
      expect([name, faultOf({ [name]: value })]).toEqual([name, expect.stringMatching(`^${name}: `)]);
  });

  it('that are hints are left out', () => {
    for (const name of [...named(IMAGE_FIELDS, 'hint'), 'quality'])
      expect([name, faultOf({ [name]: 'x' })]).toEqual([name, '']);
  });
});
