/** The model in llama.cpp: text in, pieces of text out. */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { Lending } from './lending.mjs';

/** How many answers it can be giving at once. More wait their turn. */
const SEQUENCES = 4;
const CONTEXT_LENGTH = 512;
/** Of a longer conversation only the end is read, so that there is always room for an answer. */
const MAX_PROMPT_TOKENS = 250;
/** A model that looks two words back would else say "when I breathe when I breathe when I breathe". */
const FREQUENCY_PENALTY = 0.4;
/** On Apple silicon the only ready-made binary is the one with Metal in it. It runs on the processor all the same: no layer is given to the GPU. */
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
    this.#sequences = new Lending(Array.from({ length: SEQUENCES }, () => context.getSequence()));
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
      const said = [];
      /** @param {'stop' | 'length'} finishReason @returns {Outcome} */
      const outcome = (finishReason) => ({
        promptTokens: prompt.length,
        completionTokens: said.length,
        finishReason,
      });
      const repeatPenalty = { punishTokens: () => said, penalty: 1, frequencyPenalty: FREQUENCY_PENALTY };
      for await (const token of sequence.evaluate(evaluated, { temperature, seed, repeatPenalty })) {
        signal.throwIfAborted();
        const text = this.#model.detokenize([token], false, said);
        said.push(token);
        onText(said.length === 1 ? text.trimStart() : text);
        if (said.length === maxTokens) return outcome('length');
      }
      return outcome('stop');
    });
  }

  /**
   * Each turn between its signs, then the sign that a new one begins: the answer.
   * @param {readonly string[]} turns
   */
  #promptOf(turns) {
    const { bos, eos } = this.#model.tokens;
    if (bos === null || eos === null)
      throw new Error('This model has no signs for where a turn begins and ends.');
    return [...turns.flatMap((turn) => [bos, ...this.#model.tokenize(turn), eos]), bos];
  }
}
