/** A missing or unknown key. */
export class UnauthorizedError extends Error {
  constructor(given: boolean) {
    super(
      given
        ? 'unknown API key: send the value of ADMIN_API_KEY'
        : 'an API key is needed: send it as `Authorization: Bearer …` or `x-api-key: …`',
    );
    this.name = 'UnauthorizedError';
  }
}

/** A web page tries to reach a service that is meant for this machine only. */
export class ForeignOriginError extends Error {
  constructor(header: 'Host' | 'Origin') {
    super(
      `in protected mode this service answers only to loopback names, and the ${header} header names another; set ADMIN_API_KEY to open it`,
    );
    this.name = 'ForeignOriginError';
  }
}
