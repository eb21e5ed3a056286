const SIGNED_FILE = /^\/api\/v1\/jobs\/[0-9a-f-]{36}\/files\/\d{1,6}\?(?:[^#]*&)?signature=[\w-]/i;

/**
 * Whether a request comes by a signed link to a file, which needs no key. The signature is not checked here: the route
 * that serves files calls this function, too, and checks it.
 */
export function isSignedLink(method: string, url: string): boolean {
  return (method === 'GET' || method === 'HEAD') && SIGNED_FILE.test(url);
}
