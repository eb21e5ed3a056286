import {
  startFakeUpstream,
  type Answer,
  type FakeUpstream,
  json,
  type SeenRequest,
} from '../fakes/fake-upstream.js';

/** A picture of one pixel, and bytes that stand for a film. */
export const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
export const FILM = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251));

interface Ticket {
  readonly ref: string;
  readonly order: Readonly<Record<string, unknown>>;
  looks: number;
  /** Refunded by a cancel. */
  isRefunded: boolean;
}

/**
 * A vendor that is like no other: an order is a ticket among rows, its phase a number (0 waits, 3 simmers, 7 served, 9
 * burnt, 11 refunded), its progress in thousandths; the dish is found by a second request, by the number of its shelf.
 * Prompts with "burn" fail; with "slow" they simmer until `serve` is called.
 */
export class OddVendor {
  readonly tickets: Ticket[] = [];
  /** Slow orders are done from now on. */
  isServing = false;
  private upstream: FakeUpstream | null = null;

  static async start(): Promise<OddVendor> {
    const vendor = new OddVendor();
    vendor.upstream = await startFakeUpstream((response, request) =>
      vendor.answer(request)(response, request),
    );
    return vendor;
  }

  get url(): string {
    return this.upstream?.url ?? '';
  }

  async close(): Promise<void> {
    await this.upstream?.close();
  }

  private answer(request: SeenRequest): Answer {
    const { pathname } = new URL(request.url, 'http://vendor');
    if (pathname.startsWith('/cdn/')) return fileOf(pathname);
    if (request.headers['x-kitchen-token'] !== 'let-me-in') return json({ gripe: 'who are you?' }, 401);
    if (pathname === '/order') return this.order(JSON.parse(request.body) as Ticket['order']);
    if (pathname === '/rows') return this.rows(JSON.parse(request.body) as { refs: string[] });
    if (pathname.startsWith('/shelf/')) return this.shelf(Number(pathname.slice('/shelf/'.length)));
    if (pathname.startsWith('/refund/')) return this.refund(pathname.slice('/refund/'.length));
    return json({ gripe: 'no such counter' }, 404);
  }

  private order(order: Ticket['order']): Answer {
    if (typeof order['dish'] !== 'string') return json({ gripe: 'dish is missing' }, 422);
    const ref = `R/${this.tickets.length + 1}`;
    this.tickets.push({ ref, order, looks: 0, isRefunded: false });
    return json({ ticket: { ref } }, 202);
  }

  private rows({ refs }: { refs: string[] }): Answer {
    const rows = this.tickets.filter(({ ref }) => refs.includes(ref)).map((ticket) => this.row(ticket));
    return json({ rows });
  }

  private row(ticket: Ticket): object {
    ticket.looks += 1;
    const { ref, looks, order, isRefunded } = ticket;
    const dish = String(order['dish']);
    if (isRefunded) return { ref, phase: 11 };
    if (dish.includes('burn') && looks >= 2) return { ref, phase: 9, gripe: 'the kitchen is on fire' };
    if (looks === 1) return { ref, phase: 0, permille: 0 };
    const isDone = dish.includes('slow') ? this.isServing : looks >= 3;
    if (!isDone) return { ref, phase: 3, permille: 450 };
    return { ref, phase: 7, permille: 1000, shelf: this.tickets.indexOf(ticket) + 1 };
  }

  private shelf(number: number): Answer {
    const order = this.tickets[number - 1]?.order;
    if (order === undefined) return json({ gripe: 'an empty shelf' }, 404);
    const count = Number(order['portions'] ?? 1);
    const extension = order['reel'] === true ? 'mp4' : 'png';
    const plates = Array.from({ length: count }, (_, index) => ({
      at: `${this.url}/cdn/${number}-${index}.${extension}`,
    }));
    return json({ plates });
  }

  private refund(ref: string): Answer {
    const ticket = this.tickets.find((each) => each.ref === decodeURIComponent(ref));
    if (ticket !== undefined) ticket.isRefunded = true;
    return json({}, ticket === undefined ? 404 : 200);
  }
}

function fileOf(pathname: string): Answer {
  const isFilm = pathname.endsWith('.mp4');
  const whole = isFilm ? FILM : PIXEL;
  return (response, { headers }) => {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
    const type = { 'content-type': isFilm ? 'video/mp4' : 'image/png', 'accept-ranges': 'bytes' };
    if (from === undefined) {
      response.writeHead(200, { ...type, 'content-length': whole.length }).end(whole);
      return;
    }
    const end = to === '' || to === undefined ? whole.length - 1 : Math.min(Number(to), whole.length - 1);
    const part = whole.subarray(Number(from), end + 1);
    const range = { 'content-range': `bytes ${from}-${end}/${whole.length}`, 'content-length': part.length };
    response.writeHead(206, { ...type, ...range }).end(part);
  };
}

/** The registration: data alone. */
export function oddRegistration(
  url: string,
  model: string,
  task: 'image' | 'video',
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    model_name: model,
    task,
    req_url_template: `${url}/order`,
    header: { 'x-kitchen-token': 'let-me-in' },
    body: {
      dish: '{USER_PROMPT}',
      portions: '{N}',
      across: '{WIDTH}',
      down: '{HEIGHT}',
      ...(task === 'video'
        ? { reel: true, lasts: '{SECONDS}', garnish: '{INPUT_IMAGE}' }
        : { mood: '{EXTRA.style}', sketch: '{INPUT_IMAGES}', stencil: '{MASK}' }),
    },
    defaults: task === 'video' ? { size: '1280x720', seconds: 5 } : { size: '1024x1024', n: 1 },
    poll: {
      keep: { REF: 'ticket.ref' },
      status: { method: 'POST', url: `${url}/rows`, body: { refs: ['{REF}'] } },
      state: { path: 'rows[].phase', queued: [0], running: [3], done: [7], failed: [9], cancelled: [11] },
      progress: { path: 'rows[].permille', of: 1000 },
      error: ['rows[].gripe', 'gripe'],
      result: {
        keep: { SHELF: 'rows[].shelf' },
        request: { url: `${url}/shelf/{SHELF}` },
        extract: 'plates[*].at',
        as: 'url',
      },
      cancel: [{ method: 'DELETE', url: `${url}/refund/{REF}` }],
      interval_ms: 500,
    },
    ...more,
  };
}
