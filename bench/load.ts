import { callInLoop } from './http-loop.js';
import type { LoadOrder } from './messages.js';

/** The load generator's own process: takes an order, answers with what came of it. */
process.on('message', (order: LoadOrder) => {
  void callInLoop(order).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
