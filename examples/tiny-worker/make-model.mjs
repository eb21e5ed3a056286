/**
 * Generates a language model from any text: `node make-model.mjs [text] [model.gguf]`.
 * Without arguments it reads text/alice.txt and writes model.gguf, both in this folder.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeGguf } from './gguf.mjs';
import { llamaMetadata } from './llama-metadata.mjs';
import { llamaTensors } from './llama-tensors.mjs';
import { countWords } from './word-counts.mjs';

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

const [textFile = here('text/alice.txt'), modelFile = here('model.gguf')] = process.argv.slice(2);
const startedAt = performance.now();
const words = countWords(readFileSync(textFile, 'utf8'));
const model = encodeGguf(llamaMetadata(words, `a tiny model of ${basename(textFile)}`), llamaTensors(words));

// Renamed into place, so that a worker that starts at the same time never reads an incomplete model.
const unfinished = `${modelFile}.${process.pid}`;
writeFileSync(unfinished, model);
renameSync(unfinished, modelFile);
const tookMs = Math.round(performance.now() - startedAt);
console.log(
  `${basename(modelFile)} from ${basename(textFile)}: ${words.tokens.length} words and marks, ${(model.length / 1e6).toFixed(0)} MB, in ${tookMs} ms`,
);
