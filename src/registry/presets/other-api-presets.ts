import type { Preset } from './preset.js';

/** Providers with an API of their own, in which workers are spoken to. */
export const OTHER_API_PRESETS = {
  anthropic: {
    title: 'Claude (Anthropic)',
    kind: 'text',
    protocol: 'anthropic',
    source: 'https://docs.anthropic.com/en/api/messages',
    baseUrl: 'https://api.anthropic.com',
    apiKey: 'required',
    defaults: {
      req_url_template: '{BASE_URL}/v1',
      header: { 'x-api-key': '{API_KEY}', 'anthropic-version': '2023-06-01' },
    },
    example: { model_name: 'claude-sonnet-4-5', api_key: '${secret:API_KEY}' },
  },
  gemini: {
    title: 'Gemini, once Bard (Google)',
    kind: 'text',
    protocol: 'gemini',
    source: 'https://ai.google.dev/api/generate-content',
    baseUrl: 'https://generativelanguage.googleapis.com',
    apiKey: 'required',
    defaults: { req_url_template: '{BASE_URL}/v1beta', header: { 'x-goog-api-key': '{API_KEY}' } },
    example: { model_name: 'gemini-2.5-flash', api_key: '${secret:API_KEY}' },
  },
} as const satisfies Readonly<Record<string, Preset>>;
