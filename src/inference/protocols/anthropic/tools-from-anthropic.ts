import type { JsonValue } from '../../../template/json-value.js';
import type { OpenAiChat, OpenAiTool, OpenAiToolChoice } from '../../chat/chat.js';
import type { Faults, Fields } from './faults.js';

export function toolsFrom({ tools }: Fields, faults: Faults): readonly OpenAiTool[] | undefined {
  if (tools === undefined || tools === null) return undefined;
  return faults.list(tools, 'tools').map((tool, index) => toolFrom(tool, `tools[${index}]`, faults));
}

function toolFrom(tool: unknown, field: string, faults: Faults): OpenAiTool {
  const { type, name, description, input_schema: schema, strict } = faults.object(tool, field);
  const ownName = { name: faults.string(name, `${field}.name`) };
  if ((type ?? 'custom') !== 'custom') {
    faults.add(`${field}.type`, "must be custom: Anthropic's own tools are known to its own models only");
    return { type: 'function', function: ownName };
  }
  return {
    type: 'function',
    function: {
      ...ownName,
      ...(typeof description === 'string' ? { description } : {}),
      parameters: faults.object(schema, `${field}.input_schema`) as Readonly<Record<string, JsonValue>>,
      ...(strict === true ? { strict } : {}),
    },
  };
}

export function toolChoiceFrom(
  { tool_choice: choice }: Fields,
  faults: Faults,
): Pick<OpenAiChat, 'tool_choice' | 'parallel_tool_calls'> {
  if (choice === undefined || choice === null) return {};
  const { type, name, disable_parallel_tool_use: single } = faults.object(choice, 'tool_choice');
  const parallel = single === true ? { parallel_tool_calls: false } : {};
  if (type === 'tool')
    return { tool_choice: { type: 'function', function: { name: chosen(name, faults) } }, ...parallel };
  const known = typeof type === 'string' && Object.hasOwn(CHOICES, type) ? CHOICES[type] : undefined;
  if (known !== undefined) return { tool_choice: known, ...parallel };
  faults.add('tool_choice.type', 'must be auto, any, tool or none');
  return {};
}

const CHOICES: Readonly<Record<string, OpenAiToolChoice>> = { auto: 'auto', any: 'required', none: 'none' };

function chosen(name: unknown, faults: Faults): string {
  return faults.string(name, 'tool_choice.name');
}
