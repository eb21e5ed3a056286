import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An upstream whose tasks all run on and on. Sends its URL to the process that started it. */
let looks = 0;
const server = createServer((_request, response) => {
  looks += 1;
  // Few answers show progress that is new.
  const progress = Math.min(99, Math.floor(looks / 20_000));
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ id: 'x', status: 'running', progress, eta_seconds: 300, logs: 'step 3 of 40' }));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 1024, () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
