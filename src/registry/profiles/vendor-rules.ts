import type { ApiProtocol } from '../worker.js';
import { ANTHROPIC_RULES } from './claude-rules.js';
import { GEMINI_RULES, VERTEX_RULES } from './google-rules.js';
import { OPENAI_RULES, OPENAI_VENDOR_RULES } from './openai-rules.js';
import type { Rule } from './rule.js';

/** What holds for an API wherever it is served. */
export const PROTOCOL_RULES: Readonly<Record<ApiProtocol, readonly Rule[]>> = {
  openai: OPENAI_RULES,
  anthropic: ANTHROPIC_RULES,
  gemini: GEMINI_RULES,
};

/** By the name of the preset. */
export const VENDOR_RULES: Readonly<Record<string, readonly Rule[]>> = {
  vertex: VERTEX_RULES,
  ...OPENAI_VENDOR_RULES,
};
