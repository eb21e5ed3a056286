/**
 * Serves a model on this machine only: `node worker.mjs [port] [model.gguf]`. Port 0 takes a free one.
 * Ends on SIGTERM or SIGINT, after its running answers.
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createChatServer } from './chat-server.mjs';
import { LanguageModel } from './language-model.mjs';

const DEFAULT_PORT = 4020;
/** An answer takes a second at most; a connection that is open longer belongs to a client that does not read. */
const GRACE_MS = 5_000;

const [port = DEFAULT_PORT, modelFile = fileURLToPath(new URL('model.gguf', import.meta.url))] =
  process.argv.slice(2);
const server = createChatServer(await LanguageModel.load(modelFile));
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
console.log(`tiny worker ${process.pid}: http://127.0.0.1:${server.address().port}/v1/chat/completions`);

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, stop);

function stop() {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
}
