import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Json, Reply } from './vendor.js';

/** `:name` is one segment of a path, `:name+` may have several. */
export function patternOf(path: string): RegExp {
  const source = path
    .replaceAll(/[.?()[\]|^$]/g, String.raw`\$&`)
    .replaceAll(/:(\w+)\+/g, '(?<$1>.+)')
    .replaceAll(/\/:(\w+)/g, '/(?<$1>[^/]+)');
  return new RegExp(`^${source}$`);
}

export async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `null`: it is not JSON. */
export function jsonOf(bytes: Buffer): Json | null {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    return null;
  }
}

/** Fields of a form, `null` for anything else; a file becomes `{type, bytes}`. */
export async function fieldsOf(bytes: Buffer, { headers }: IncomingMessage): Promise<Json | null> {
  const type = headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) return null;
  const form = await new Response(bytes, { headers: { 'content-type': type } }).formData();
  const fields = [...form].map(([name, value]) =>
    typeof value === 'string'
      ? ([name, value] as const)
      : ([name, { type: value.type, bytes: value.size }] as const),
  );
  return Object.fromEntries(fields);
}

export function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(isRaw ? body : JSON.stringify(body));
}

export async function listening(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`;
}
