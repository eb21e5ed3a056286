/** Arguments for `node`: the process reaches its database and nothing else, as on a node whose route or policy is missing. */
export function withoutNetwork(): readonly [string, string] {
  const code = `
    import { Socket } from 'node:net';
    const urls = [process.env.DATABASE_URL, process.env.DATABASE_DIRECT_URL];
    const reachable = new Set(urls.map((url) => new URL(url).port));
    const { connect } = Socket.prototype;
    Socket.prototype.connect = function (...args) {
      const { host, port } = args.flat()[0] ?? {};
      if (port === undefined || reachable.has(String(port))) return connect.apply(this, args);
      const error = new Error('connect EHOSTUNREACH ' + host + ':' + port);
      Object.assign(error, { code: 'EHOSTUNREACH', syscall: 'connect' });
      // As Node's own: what is written meanwhile waits, and the error comes when the listeners of the socket are there.
      this.connecting = true;
      setImmediate(() => this.destroy(error));
      return this;
    };`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}
