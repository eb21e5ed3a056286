/**
 * The model's knowledge: its words, and how often each came one and two positions after another.
 *
 * @typedef {ReadonlyMap<number, number>} Counted token id → count
 * @typedef {object} WordCounts
 * @property {readonly string[]} tokens the vocabulary; a token's index is its id
 * @property {readonly number[]} counts how often each token occurs
 * @property {readonly Counted[]} next for each token: what came directly after it
 * @property {readonly Counted[]} afterNext for each token: what came one position later
 */

/** llama.cpp requires these three in every vocabulary. A line of the text is a turn, so the end of a line is the end of an answer. */
export const UNKNOWN = 0;
export const TURN_START = 1;
export const TURN_END = 2;
const SPECIAL = ['<unk>', '<s>', '</s>'];

// Words keep their inner apostrophes and hyphens. Quotes and brackets are left out: an opened one would rarely be closed.
const WORD_OR_MARK = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*|[.,!?;:]/gu;
const MARK = /^[.,!?;:]$/;
/** Rarer words are skipped: the tensors grow with the square of this. */
const MAX_WORDS = 500;
/** SentencePiece's character for a preceding space. */
const SPACE = '\u2581';

/**
 * @param {string} text
 * @returns {WordCounts}
 */
export function countWords(text) {
  const turns = text
    .split('\n')
    .map(toTokens)
    .filter((turn) => turn.length > 0);
  if (turns.length === 0) throw new Error('There is not a word in this text.');

  const tokens = [...SPECIAL, ...mostFrequent(turns.flat())];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const idsOf = (/** @type {string[]} */ turn) => turn.flatMap((token) => idOf.get(token) ?? []);
  const read = turns.flatMap((turn) => [TURN_START, ...idsOf(turn), TURN_END]);
  const next = followersOf(tokens.length, read, 1);
  // A token that nothing follows is followed by the start of a turn.
  next[UNKNOWN] = next[TURN_START];
  if (next[TURN_END].size === 0) next[TURN_END].set(TURN_START, 1);
  return {
    tokens,
    counts: countEach(tokens.length, read),
    next,
    afterNext: followersOf(tokens.length, read, 2),
  };
}

/** @param {string} line */
function toTokens(line) {
  return (line.match(WORD_OR_MARK) ?? []).map((token) => (MARK.test(token) ? token : SPACE + token));
}

/** @param {readonly string[]} words */
function mostFrequent(words) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts.keys()].toSorted((a, b) => counts.get(b) - counts.get(a)).slice(0, MAX_WORDS);
}

/**
 * @param {number} tokens
 * @param {readonly number[]} read
 */
function countEach(tokens, read) {
  const counts = Array.from({ length: tokens }, () => 0);
  for (const id of read) counts[id] += 1;
  return counts;
}

/**
 * @param {number} tokens
 * @param {readonly number[]} read
 * @param {number} distance
 */
function followersOf(tokens, read, distance) {
  const followers = Array.from({ length: tokens }, () => /** @type {Map<number, number>} */ (new Map()));
  for (const [i, id] of read.slice(distance).entries()) {
    const counted = followers[read[i]];
    counted.set(id, (counted.get(id) ?? 0) + 1);
  }
  return followers;
}
