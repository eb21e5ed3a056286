/** The model in llama.cpp: text in, chunks of text out. */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { Pool } from './pool.mjs';

/** Answers generated at once. More requests wait. */
const SEQUENCES = 4;
const CONTEXT_LENGTH = 512;
/** Only the end of a longer conversation is read, so that an answer always fits. */
const MAX_PROMPT_TOKENS = 250;
/** Without it, a model that looks two words back repeats "when I breathe when I breathe when I breathe". */
const FREQUENCY_PENALTY = 0.4;
/** The only prebuilt binary for Apple silicon is the one with Metal. The model still runs on the CPU: the GPU gets no layer. */
const GPU = process.platform === 'darwin' && process.arch === 'arm64' ? 'metal' : false;

/**
 * @typedef {import('node-llama-cpp').Token} Token
 * @typedef {{ readonly promptTokens: number, readonly completionTokens: number, readonly finishReason: 'stop' | 'length' }} Outcome
 */
export class LanguageModel {
  /** @readonly */
  #model;
  /** @readonly */
  #sequences;

  /**
   * @param {import('node-llama-cpp').LlamaModel} model
   * @param {import('node-llama-cpp').LlamaContext} context
   */
  constructor(model, context) {
    this.#model = model;
    this.#sequences = new Pool(Array.from({ length: SEQUENCES }, () => context.getSequence()));
  }

  /** @param {string} modelPath */
  static async load(modelPath) {
    const llama = await getLlama({
      gpu: GPU,
      build: 'never',
      maxThreads: 1,
      logLevel: LlamaLogLevel.error,
      progressLogs: false,
    });
    const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
    const context = await model.createContext({
      contextSize: CONTEXT_LENGTH,
      sequences: SEQUENCES,
      threads: 1,
    });
    return new LanguageModel(model, context);
  }

  /**
   * @param {import('./chat-request.mjs').ChatRequest} request
   * @param {AbortSignal} signal
   * @param {(text: string) => void} onText
   * @returns {Promise<Outcome>}
   * @throws the signal's reason once it is aborted
   */
  async answer({ turns, temperature, maxTokens, seed }, signal, onText) {
    const prompt = this.#promptOf(turns);
    const evaluated = prompt.slice(-MAX_PROMPT_TOKENS);
    return this.#sequences.with(signal, async (sequence) => {
      await sequence.clearHistory();
      /** @type {Token[]} */
      const generated = [];
      /** @param {'stop' | 'length'} finishReason @returns {Outcome} */
      const outcome = (finishReason) => ({
        promptTokens: prompt.length,
        completionTokens: generated.length,
        finishReason,
      });
      const repeatPenalty = {
        punishTokens: () => generated,
        penalty: 1,
        frequencyPenalty: FREQUENCY_PENALTY,
      };
      for await (const token of sequence.evaluate(evaluated, { temperature, seed, repeatPenalty })) {
        signal.throwIfAborted();
        const text = this.#model.detokenize([token], false, generated);
        generated.push(token);
        onText(generated.length === 1 ? text.trimStart() : text);
        if (generated.length === maxTokens) return outcome('length');
      }
      return outcome('stop');
    });
  }

  /**
   * Each turn between its start and end tokens, then the start token of the answer.
   * @param {readonly string[]} turns
   */
  #promptOf(turns) {
    const { bos, eos } = this.#model.tokens;
    if (bos === null || eos === null)
      throw new Error('the model has no tokens for the start and end of a turn');
    return [...turns.flatMap((turn) => [bos, ...this.#model.tokenize(turn), eos]), bos];
  }
}
