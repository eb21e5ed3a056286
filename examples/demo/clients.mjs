/**
 * Runs clients that each send a request, wait for the answer and send the next one, until an event is over.
 * @template A
 * @template R
 * @param {number} clients
 * @param {(n: number) => Promise<A>} send sends request number n
 * @param {Promise<R>} event
 * @returns {Promise<{ readonly result: R, readonly answers: readonly A[], readonly failures: readonly unknown[] }>}
 * @throws the error of the event, if it failed
 */
export async function sendDuring(clients, send, event) {
  let sent = 0;
  const over = new AbortController();
  /** @type {A[]} */
  const answers = [];
  /** @type {unknown[]} */
  const failures = [];
  const client = async () => {
    while (!over.signal.aborted) {
      try {
        answers.push(await send(sent++));
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const untilOver = event.finally(() => over.abort());
  const [result] = await Promise.all([untilOver, ...Array.from({ length: clients }, client)]);
  return { result, answers, failures };
}
