/**
 * Writes word counts as the tensors of a Llama network. Nothing is trained: each number is computed, and llama.cpp runs the network like
 * any other.
 *
 * A Llama turns the last token into a vector, each layer adds information about the text so far, and every token is scored against the
 * result. Here a vector has three thirds, each with a position for every token of the vocabulary:
 *
 *   now      1 at the last token                             written by the embedding
 *   before   a small value at the token before that          written by the first attention head
 *   so far   small values at all tokens, by frequency        written by the second head
 *
 * From these the output layer scores the next token: by the last two words, with a bonus for words that have been mentioned, so that a
 * question about the Hatter is answered about the Hatter.
 *
 * @typedef {import('./word-counts.mjs').WordCounts} WordCounts
 * @typedef {import('./word-counts.mjs').Counted} Counted
 * @typedef {import('./gguf.mjs').Tensor} Tensor
 * @typedef {(row: number, place: number, value: number) => void} Write
 */

/** The narrowest feed-forward layer. It adds nothing; a Llama must have one. */
export const FEED_FORWARD_LENGTH = 32;
/** Of rotary position embedding, as in Llama. */
export const ROPE_BASE = 10_000;
/** Multiples of this length suit the CPU's vector instructions. */
const LENGTH_STEP = 64;
/** So small that the last norm, computed over the whole vector, depends almost only on "now". */
const SMALL = 0.01;
/** Concentration of the first head: with 10, any other position gets less than e^-30 of its attention. */
const SHARPNESS = 10;
/** The score of a token that never came next: less than one in a million. Minus infinity could not be added up. */
const NEVER = -14;
/** Additive smoothing of the counts two positions back: a pair that was never read is unlikely, not impossible. */
const SMOOTHING = 0.3;
/** The bonus of a word if it were the whole conversation. In a question, a word is about an eighth of it. */
const MENTIONED = 40;
/** Shorter words are mostly "the", "and" and "you", which occur in any question. */
const BONUS_LETTERS = 5;

/** @param {readonly string[]} tokens */
export function lengthOfThird(tokens) {
  return Math.ceil(tokens.length / LENGTH_STEP) * LENGTH_STEP;
}

/**
 * @param {WordCounts} words
 * @returns {Tensor[]}
 */
export function llamaTensors(words) {
  const third = lengthOfThird(words.tokens);
  const length = 3 * third;
  return [
    matrix('token_embd.weight', length, words.tokens.length, (write) => {
      for (const id of words.tokens.keys()) write(id, id, 1);
    }),
    ...attention(third),
    ...feedForward(length),
    ones('output_norm.weight', length),
    matrix('output.weight', length, words.tokens.length, (write) => {
      scoreNext(write, words, length);
      scoreAfterNext(write, words, third);
      scoreMentioned(write, words, third);
    }),
  ];
}

/**
 * Two heads that share keys and values. A value is "now" of its token.
 *
 * All keys are equal until rotary embedding rotates each by its position. The first head's query is the same key rotated back by one
 * position, so it matches the key one position before. The second head's query is zero: it averages all values.
 *
 * @param {number} third
 * @returns {Tensor[]}
 */
function attention(third) {
  const length = 3 * third;
  const strength = unnormed(SHARPNESS, length);
  return [
    ones('blk.0.attn_norm.weight', length),
    matrix('blk.0.attn_q.weight', length, 2 * third, (write) => {
      for (let pair = 0; pair < third / 2; pair += 1) {
        const angle = ROPE_BASE ** ((-2 * pair) / third);
        for (let place = 0; place < third; place += 1) {
          write(2 * pair, place, strength * Math.cos(angle));
          write(2 * pair + 1, place, -strength * Math.sin(angle));
        }
      }
    }),
    matrix('blk.0.attn_k.weight', length, third, (write) => {
      for (let pair = 0; pair < third / 2; pair += 1) {
        for (let place = 0; place < third; place += 1) write(2 * pair, place, strength);
      }
    }),
    matrix('blk.0.attn_v.weight', length, third, (write) => {
      for (let place = 0; place < third; place += 1) write(place, place, unnormed(1, length));
    }),
    // Row by row: first head to "before", second head to "so far", nothing to "now".
    matrix('blk.0.attn_output.weight', 2 * third, length, (write) => {
      for (let place = 0; place < 2 * third; place += 1) write(third + place, place, SMALL);
    }),
  ];
}

/**
 * @param {number} length
 * @returns {Tensor[]}
 */
function feedForward(length) {
  return [
    ones('blk.0.ffn_norm.weight', length),
    matrix('blk.0.ffn_gate.weight', length, FEED_FORWARD_LENGTH),
    matrix('blk.0.ffn_up.weight', length, FEED_FORWARD_LENGTH),
    matrix('blk.0.ffn_down.weight', FEED_FORWARD_LENGTH, length),
  ];
}

/**
 * In "now": log P(candidate | last token).
 * @param {Write} write
 * @param {WordCounts} words
 * @param {number} length
 */
function scoreNext(write, { next }, length) {
  for (const [last, counted] of next.entries()) {
    const total = sum(counted.values());
    for (const candidate of next.keys()) {
      const times = counted.get(candidate);
      write(candidate, last, unnormed(times === undefined ? NEVER : Math.log(times / total), length));
    }
  }
}

/**
 * In "before": log P(candidate | token two places ago) / P(candidate), how much more likely that token makes it.
 * @param {Write} write
 * @param {WordCounts} words
 * @param {number} third
 */
function scoreAfterNext(write, { counts, afterNext }, third) {
  const read = sum(counts);
  for (const [before, counted] of afterNext.entries()) {
    const total = sum(counted.values());
    for (const [candidate, count] of counts.entries()) {
      const expected = Math.max(count, 1) / read;
      const ratio = ((counted.get(candidate) ?? 0) / expected + SMOOTHING) / (total + SMOOTHING);
      write(candidate, third + before, unnormed(Math.log(ratio) / SMALL, 3 * third));
    }
  }
}

/**
 * In "so far": a bonus of each long word for itself.
 * @param {Write} write
 * @param {WordCounts} words
 * @param {number} third
 */
function scoreMentioned(write, { tokens }, third) {
  for (const [id, token] of tokens.entries()) {
    const letters = /\p{L}+/u.exec(token)?.[0].length ?? 0;
    if (letters >= BONUS_LETTERS) write(id, 2 * third + id, unnormed(MENTIONED / SMALL, 3 * third));
  }
}

/**
 * A norm multiplies a vector whose only entry is 1 by √length. Dividing the next weight by √length undoes that.
 * @param {number} weight
 * @param {number} length
 */
function unnormed(weight, length) {
  return weight / Math.sqrt(length);
}

/**
 * @param {string} name
 * @param {number} inputs the length of a row
 * @param {number} outputs the number of rows
 * @param {(write: Write) => void} fill
 * @returns {Tensor}
 */
function matrix(name, inputs, outputs, fill = () => {}) {
  const values = new Float32Array(inputs * outputs);
  fill((row, place, value) => {
    values[row * inputs + place] = value;
  });
  return { name, shape: [inputs, outputs], values };
}

/**
 * @param {string} name
 * @param {number} length
 * @returns {Tensor}
 */
function ones(name, length) {
  return { name, shape: [length], values: new Float32Array(length).fill(1) };
}

/** @param {Iterable<number>} numbers */
function sum(numbers) {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
