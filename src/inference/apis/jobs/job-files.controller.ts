import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OwnJobs } from './own-jobs.js';
import { FileResponses } from './file-responses.js';

/** The files of jobs. */
@Controller('api/v1/jobs/:id/files')
export class JobFilesController {
  constructor(
    private readonly own: OwnJobs,
    private readonly files: FileResponses,
  ) {}

  /** A file of the result; with `Range`, a part of it. A signed link from an answer needs no key. */
  @Get(':number')
  async file(
    @Param('id') id: string,
    @Param('number') number: string,
    @Req() http: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const isSigned = await this.files.checkLink(http, id, Number(number));
    await this.files.send(
      isSigned ? await this.own.any(id) : await this.own.get(id, http),
      number,
      http,
      reply,
    );
  }
}
