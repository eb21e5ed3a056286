import { from, type Rule } from './rule.js';

const MODELS = 'https://platform.claude.com/docs/en/about-claude/models/overview';
const MIGRATION = 'https://platform.claude.com/docs/en/about-claude/models/migration-guide';
const SCHEMAS = 'https://platform.claude.com/docs/en/build-with-claude/structured-outputs';
const THINKING = 'https://platform.claude.com/docs/en/build-with-claude/thinking';
const TOOLS = 'https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use';

/** Names such as us.anthropic.claude-opus-4-6-v1:0 and claude-sonnet-4-5@20250929; a date is no minor version. */
const VERSION_4_6 = /claude-[a-z]+-4[-.]6(?!\d)/i;
const VERSION_4_5 = /claude-[a-z]+-4[-.]5(?!\d)/i;
const VERSION_4_0 = /claude-[a-z]+-4(?:[-.][01](?!\d))?(?![-.]?\d(?!\d))/i;
const VERSION_3_7 = /claude-3[-.]7/i;
const UP_TO_3_5 = /claude-(?:instant|v?[12](?!\d)|3(?![-.]7))/i;

/** The Messages API, at Anthropic and at others; then the families of Claude, from the newest to the oldest. */
export const ANTHROPIC_RULES: readonly Rule[] = [
  {
    entries: {
      tool_names: from('anthropic', TOOLS),
      property_names: from('anthropic', TOOLS),
      call_ids: from('anthropic', TOOLS),
      // "Requests which include tool_use or tool_result blocks must define tools."
      calls_need_tools: from(true, 'https://github.com/anthropics/anthropic-sdk-python/issues/494'),
      stop: from('not_blank', 'https://platform.claude.com/docs/en/api/openai-sdk'),
      user_ids: from('opaque', 'https://platform.claude.com/docs/en/api/messages#body-metadata'),
      reasoning_history: from('thinking_blocks', `${THINKING}#preserving-thinking-blocks`),
      thinking_config: from('as_sent', 'https://platform.claude.com/docs/en/api/openai-sdk'),
    },
  },
  {
    models: /claude/i,
    entries: {
      max_output_tokens: from(128_000, MODELS),
      answer_schemas: from('anthropic', SCHEMAS),
      prefill: from(false, MIGRATION),
      sampling: from('none', MIGRATION),
      thinking_config: from('adaptive', `${THINKING}#supported-models`),
    },
  },
  {
    models: VERSION_4_6,
    entries: {
      sampling: from('one', MIGRATION),
      thinking_config: from('enabled_or_adaptive', `${THINKING}#supported-models`),
    },
  },
  {
    models: VERSION_4_5,
    entries: {
      max_output_tokens: from(64_000, MODELS),
      prefill: from(true, MIGRATION),
      sampling: from('one', MIGRATION),
      thinking_config: from('enabled', `${THINKING}#supported-models`),
    },
  },
  {
    models: VERSION_4_0,
    entries: {
      max_output_tokens: from(64_000, MODELS),
      answer_schemas: from('none', SCHEMAS),
      prefill: from(true, MIGRATION),
      sampling: from('one', MIGRATION),
      thinking_config: from('enabled', `${THINKING}#supported-models`),
    },
  },
  {
    models: /claude-opus-4(?:[-.][01](?!\d))?(?![-.]?\d(?!\d))/i,
    entries: { max_output_tokens: from(32_000, MODELS) },
  },
  {
    models: VERSION_3_7,
    entries: {
      max_output_tokens: from(64_000, MODELS),
      answer_schemas: from('none', SCHEMAS),
      prefill: from(true, MIGRATION),
      sampling: from('one', MIGRATION),
      thinking_config: from('enabled', `${THINKING}#supported-models`),
    },
  },
  {
    models: UP_TO_3_5,
    entries: {
      max_output_tokens: from(4096, MODELS),
      answer_schemas: from('none', SCHEMAS),
      prefill: from(true, MIGRATION),
      sampling: from('one', MIGRATION),
      thinking_config: from('none', `${THINKING}#supported-models`),
    },
  },
  { models: /claude-3[-.]5/i, entries: { max_output_tokens: from(8192, MODELS) } },
];
