/**
 * Callers that each ask, wait for the answer and ask again, for as long as something takes.
 * @template A
 * @template R
 * @param {number} callers
 * @param {(n: number) => Promise<A>} ask the how-manieth question this is
 * @param {Promise<R>} event
 * @returns {Promise<{ readonly result: R, readonly answers: readonly A[], readonly failures: readonly unknown[] }>}
 * @throws what the event ended with, if that was an error
 */
export async function askDuring(callers, ask, event) {
  let asked = 0;
  const over = new AbortController();
  /** @type {A[]} */
  const answers = [];
  /** @type {unknown[]} */
  const failures = [];
  const call = async () => {
    while (!over.signal.aborted) {
      try {
        answers.push(await ask(asked++));
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const happening = event.finally(() => over.abort());
  const [result] = await Promise.all([happening, ...Array.from({ length: callers }, call)]);
  return { result, answers, failures };
}
