import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { usageCsv } from './usage-csv.js';
import { groupsOf, UsageReport } from './usage-report.js';
import { type UsagePageDto, UsageQueryDto } from './usage.dto.js';

/** The id of no key: a caller without one has no usage of its own. */
const NO_KEY = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** What requests used, and what it cost. */
@Controller('api/v1/usage')
export class UsageController {
  constructor(private readonly report: UsageReport) {}

  /** Usage, summed by what `group_by` names. A key of the role inference sees its own. As CSV, the header `link` has the next page. */
  @Get()
  async read(
    @Query() query: UsageQueryDto,
    @Headers('accept') accept: string | undefined,
    @Req() { caller, url }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsagePageDto> {
    const page = await this.report.page(query, caller.role === 'inference' ? (caller.keyId ?? NO_KEY) : null);
    if ((query.format ?? (/text\/csv/i.test(accept ?? '') ? 'csv' : 'json')) === 'json') return page;
    if (page.next_cursor !== null) reply.header('link', `<${withCursor(url, page.next_cursor)}>; rel="next"`);
    reply.header('content-disposition', 'attachment; filename="usage.csv"').type('text/csv; charset=utf-8');
    // Sent as it is, whatever the type of this method says of JSON.
    return usageCsv(page.data, groupsOf(query)) as unknown as UsagePageDto;
  }
}

function withCursor(url: string, cursor: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const params = new URLSearchParams(query);
  params.set('cursor', cursor);
  return `${path}?${params.toString()}`;
}
