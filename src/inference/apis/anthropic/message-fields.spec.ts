import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { chatFromAnthropic, MESSAGE_FIELDS } from './client-request.js';

const MESSAGE = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] };
/** Parameters of the client that it sends as headers. */
const HEADERS = ['betas', 'workspace_id'];
const namesOf = (wanted: string) =>
  Object.entries(MESSAGE_FIELDS).flatMap(([name, what]) => (what === wanted ? [name] : []));
const require = createRequire(import.meta.url);

describe('the fields of a message', () => {
  it.each(['messages/messages', 'beta/messages/messages'])(
    "of the SDK's resources/%s are each carried, a hint, or refused",
    (file) => {
      const types = require.resolve(`@anthropic-ai/sdk/resources/${file}`).replace(/\.m?js$/, '.d.ts');
      const text = readFileSync(types, 'utf8');
      const [, base = ''] = /interface MessageCreateParamsBase \{\n([^]*?)\n\}/.exec(text) ?? [];
      const names = [...base.matchAll(/^ {4}([a-z_]+)\??:/gm)].map(([, name = '']) => name);
      expect(names.length).toBeGreaterThan(15);
      const known = new Set<string>([...Object.keys(MESSAGE_FIELDS), ...HEADERS]);
      expect(names.filter((name) => !known.has(name))).toEqual([]);
    },
  );

  it('that have a meaning which is lost here are refused by name', () => {
    for (const name of namesOf('refused'))
      expect(() => chatFromAnthropic({ ...MESSAGE, [name]: {} })).toThrow(
        `${name}: supported by Anthropic workers only`,
      );
  });

  it('that are hints change nothing', () => {
    for (const name of namesOf('hint'))
      expect(chatFromAnthropic({ ...MESSAGE, [name]: {} })).toEqual(chatFromAnthropic(MESSAGE));
  });

  it('name the schema of the answer in both spellings', () => {
    const format = { type: 'json_schema', schema: { type: 'object' } };
    expect(chatFromAnthropic({ ...MESSAGE, output_format: format })).toEqual(
      chatFromAnthropic({ ...MESSAGE, output_config: { format } }),
    );
  });
});
