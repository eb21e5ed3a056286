/** The metadata that llama.cpp needs beside the tensors: the network's dimensions and the vocabulary. */
import { bool, f32, floats, ints, string, strings, u32 } from './gguf.mjs';
import { FEED_FORWARD_LENGTH, lengthOfThird, ROPE_BASE } from './llama-tensors.mjs';
import { TURN_END, TURN_START, UNKNOWN } from './word-counts.mjs';

const CONTEXT_LENGTH = 2048;
/** Keeps a root mean square above 0. */
const NORM_EPSILON = 1e-9;
/** llama.cpp's llama_token_type. */
const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3 };

/**
 * @param {import('./word-counts.mjs').WordCounts} words
 * @param {string} name
 */
export function llamaMetadata(words, name) {
  const third = lengthOfThird(words.tokens);
  return {
    'general.architecture': string('llama'),
    'general.name': string(name),
    'llama.vocab_size': u32(words.tokens.length),
    'llama.context_length': u32(CONTEXT_LENGTH),
    'llama.embedding_length': u32(3 * third),
    'llama.block_count': u32(1),
    'llama.feed_forward_length': u32(FEED_FORWARD_LENGTH),
    'llama.attention.head_count': u32(2),
    'llama.attention.head_count_kv': u32(1),
    'llama.attention.key_length': u32(third),
    'llama.attention.value_length': u32(third),
    'llama.attention.layer_norm_rms_epsilon': f32(NORM_EPSILON),
    'llama.rope.dimension_count': u32(third),
    'llama.rope.freq_base': f32(ROPE_BASE),
    ...tokenizer(words),
  };
}

/** @param {import('./word-counts.mjs').WordCounts} words */
function tokenizer({ tokens, counts }) {
  const read = counts.reduce((total, count) => total + count, 0);
  return {
    // T5's tokenizer (SentencePiece's unigram): it finds whole words without tokens for their parts.
    'tokenizer.ggml.model': string('t5'),
    'tokenizer.ggml.tokens': strings(tokens),
    'tokenizer.ggml.scores': floats(counts.map((count) => Math.log(Math.max(count, 1) / read))),
    'tokenizer.ggml.token_type': ints(tokens.map((_, id) => typeOf(id))),
    'tokenizer.ggml.unknown_token_id': u32(UNKNOWN),
    'tokenizer.ggml.bos_token_id': u32(TURN_START),
    'tokenizer.ggml.eos_token_id': u32(TURN_END),
    'tokenizer.ggml.add_bos_token': bool(false),
    'tokenizer.ggml.add_eos_token': bool(false),
    'tokenizer.ggml.add_space_prefix': bool(true),
  };
}

/** @param {number} id */
function typeOf(id) {
  if (id === UNKNOWN) return TOKEN_TYPE.unknown;
  return id === TURN_START || id === TURN_END ? TOKEN_TYPE.control : TOKEN_TYPE.normal;
}
