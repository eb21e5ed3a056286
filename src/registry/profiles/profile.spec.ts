import { describe, expect, it } from 'vitest';
import type { ApiProtocol } from '../worker.js';
import { PRESETS } from '../presets/presets.js';
import { profileFaults, vendorsOf } from './profile-faults.js';
import { PROTOCOL_RULES, profileOf, VENDOR_RULES } from './profile.js';
import type { Rule } from './rule.js';

describe('profileOf', () => {
  it('limits reasoning models of OpenAI by max_completion_tokens, behind a prefix too, and no other model', () => {
    const limitOf = (model: string) => profileOf('openai', model, null).token_limit;
    for (const model of ['gpt-5', 'gpt-5-mini', 'o4-mini', 'o3', 'openai/gpt-5.1'])
      expect([model, limitOf(model)]).toEqual([model, 'max_completion_tokens']);
    for (const model of ['gpt-4o', 'gpt-3.5-turbo', 'llama-3', 'o3d', 'foo3', 'my-gpt-55x'])
      expect([model, limitOf(model)]).toEqual([model, null]);
  });

  it('names the one field of the limit that a vendor knows, and none where it may know both', () => {
    const limitOf = (vendor: string) => profileOf('openai', 'm', { vendor }).token_limit;
    for (const vendor of ['mistral', 'deepseek', 'tgi', 'fastchat', 'baichuan'])
      expect([vendor, limitOf(vendor)]).toEqual([vendor, 'max_tokens']);
    for (const vendor of ['openai', 'vllm', 'groq', 'openrouter'])
      expect([vendor, limitOf(vendor)]).toEqual([vendor, null]);
  });

  it('says which vendors have responses, and leaves open what is not known', () => {
    const responses = (vendor: string) => profileOf('openai', 'm', { vendor }).responses;
    for (const vendor of ['openai', 'azure-openai', 'groq', 'openrouter', 'vllm'])
      expect([vendor, responses(vendor)]).toEqual([vendor, true]);
    for (const vendor of ['mistral', 'deepseek', 'moonshot', 'zhipu', 'baichuan', 'tgi', 'fastchat'])
      expect([vendor, responses(vendor)]).toEqual([vendor, false]);
    for (const vendor of ['qwen', 'ollama', 'llama-cpp', 'sglang'])
      expect([vendor, responses(vendor)]).toEqual([vendor, null]);
  });

  it('keeps the fields of the openai helpers from models before gpt-4o only', () => {
    const refused = (model: string) => profileOf('openai', model, null).message_rejects;
    for (const model of [
      'gpt-3.5-turbo',
      'gpt-35-turbo',
      'gpt-4',
      'gpt-4-0613',
      'gpt-4-turbo',
      'openai/gpt-4-32k',
    ])
      expect([model, refused(model)]).toEqual([model, ['parsed', 'refusal']]);
    for (const model of ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1', 'gpt-5', 'm'])
      expect([model, refused(model)]).toEqual([model, []]);
  });

  it('knows that the gpt-image models give base64 only', () => {
    const formatOf = (model: string) => profileOf('openai', model, null).image_format;
    for (const model of ['gpt-image-1', 'gpt-image-1-mini', 'gpt-image-1.5', 'openai/gpt-image-2'])
      expect([model, formatOf(model)]).toEqual([model, 'b64_json']);
    for (const model of ['dall-e-3', 'gpt-4o', 'gpt-image'])
      expect([model, formatOf(model)]).toEqual([model, 'any']);
  });

  it('knows which reasoning models of OpenAI take sampling', () => {
    const sampling = (model: string) => profileOf('openai', model, null).sampling;
    for (const [model, taken] of [
      ['gpt-5', 'none'],
      ['gpt-5-mini', 'none'],
      ['o3', 'none'],
      ['gpt-5.1', 'without_reasoning'],
      ['gpt-5.2-2025-12-11', 'without_reasoning'],
      ['gpt-5.1-codex', 'none'],
      ['gpt-5.5', 'none'],
      ['gpt-5-chat-latest', 'all'],
      ['gpt-4o', 'all'],
    ])
      expect([model, sampling(model ?? '')]).toEqual([model, taken]);
  });

  it('says which models of OpenAI complete texts, and which only chat', () => {
    const completes = (vendor: string | undefined, model: string) =>
      profileOf('openai', model, vendor === undefined ? null : { vendor }).completions;
    for (const model of ['gpt-3.5-turbo-instruct', 'babbage-002', 'davinci-002'])
      expect([model, completes('openai', model)]).toEqual([model, true]);
    for (const model of ['gpt-4o', 'gpt-5', 'gpt-3.5-turbo'])
      expect([model, completes('openai', model)]).toEqual([model, false]);
    expect([completes('groq', 'm'), completes('vllm', 'm'), completes(undefined, 'm')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('takes single entries of the registration over those of the vendor', () => {
    expect(profileOf('openai', 'm', { vendor: 'mistral' }).rejects).toContain('stream_options');
    expect(profileOf('openai', 'm', { vendor: 'mistral', rejects: [] }).rejects).toEqual([]);
  });

  it('takes an entry that is null for one that is left out, unless null is a value of it', () => {
    const own = JSON.parse(
      '{"vendor":"mistral","rejects":null,"sampling":null,"token_limit":null}',
    ) as object;
    const profile = profileOf('openai', 'm', own);
    expect(profile.rejects).toContain('stream_options');
    expect([profile.sampling, profile.token_limit]).toEqual(['all', null]);
  });
});

describe('profileFaults', () => {
  const namedBy = (...[protocol, profile]: Parameters<typeof profileFaults>) =>
    profileFaults(protocol, profile).map(({ field }) => field);

  it('names lists with a field that no request may lack, and says which those are', () => {
    const [fault, ...others] = profileFaults('openai', { rejects: ['seed', 'messages', 'model'] });
    expect(others).toEqual([]);
    expect(fault?.field).toBe('profile.rejects');
    expect(fault?.problem).toMatch(
      /^must not hold messages, model: .* any name but model, messages, prompt,/,
    );
    expect(namedBy('openai', { message_rejects: ['name', 'content'] })).toEqual(['profile.message_rejects']);
    // Names of fields are found without their case.
    expect(namedBy('openai', { rejects: ['Messages'] })).toEqual(['profile.rejects']);
    expect(namedBy('openai', { translated_without: ['tools'] })).toEqual(['profile.translated_without']);
    expect(namedBy('openai', { rejects: ['max_tokens', 'seed'], message_rejects: ['name'] })).toEqual([]);
    expect(namedBy('anthropic', { rejects: ['max_tokens'] })).toEqual(['profile.rejects']);
  });

  it('names vendors, entries and values of another API', () => {
    expect(namedBy('openai', { vendor: 'gemini' })).toEqual(['profile.vendor']);
    expect(namedBy('gemini', { vendor: 'vertex' })).toEqual([]);
    expect(namedBy('anthropic', { embedding_batch: 5, responses: true })).toEqual([
      'profile.embedding_batch',
      'profile.responses',
    ]);
    expect(namedBy('gemini', { thinking_config: 'adaptive' })).toEqual(['profile.thinking_config']);
    expect(namedBy('anthropic', { thinking_config: 'adaptive' })).toEqual([]);
  });

  it('finds none in what the rules say of any vendor', () => {
    for (const [protocol, rules] of Object.entries(PROTOCOL_RULES) as [ApiProtocol, readonly Rule[]][])
      for (const each of [rules, ...vendorsOf(protocol).map((name) => VENDOR_RULES[name] ?? [])].flat()) {
        const entries = Object.entries(each.entries).map(([name, { value }]) => [name, value] as const);
        expect(profileFaults(protocol, Object.fromEntries(entries))).toEqual([]);
      }
  });
});

describe('the rules', () => {
  const all = [...Object.values(PROTOCOL_RULES), ...Object.values(VENDOR_RULES)].flat();

  it('cite an address for each entry', () => {
    const sources = all.flatMap(({ entries }) => Object.values(entries).map(({ source }) => source));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) expect(source).toMatch(/^https:\/\//);
  });

  it('are named after presets', () => {
    expect(Object.keys(VENDOR_RULES).filter((name) => !Object.hasOwn(PRESETS, name))).toEqual([]);
  });

  it('match model names with patterns that keep no state', () => {
    for (const { models } of all) expect(models?.global ?? false).toBe(false);
  });
});
