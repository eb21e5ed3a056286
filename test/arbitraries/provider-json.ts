import fc from 'fast-check';

const list = (words: string) => fc.constantFrom(...words.split(' '));

const WORDS = list(
  'message_start content_block_start content_block_delta content_block_stop message_delta message_stop error ping text ' +
    'thinking tool_use text_delta thinking_delta input_json_delta end_turn STOP SAFETY MALFORMED_FUNCTION_CALL',
);
const KEYS = list(
  'type message content content_block delta index id name input text thinking partial_json stop_reason usage ' +
    'input_tokens output_tokens error candidates parts functionCall args finishReason promptFeedback blockReason ' +
    'usageMetadata promptTokenCount thought',
);

/** JSON with field names of Anthropic and Gemini, in any arrangement. */
export const providerJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    WORDS,
    fc.nat({ max: 3 }),
    fc.jsonValue({ maxDepth: 1 }),
    fc.dictionary(KEYS, tie('value'), { maxKeys: 5 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value;
