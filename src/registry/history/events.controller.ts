import { type Caller, CurrentCaller } from '../../access/caller.js';
import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { type EventDto, type EventPageDto, ListEventsQueryDto, UndoQueryDto } from './event.dto.js';
import { EventHistory } from './event-history.js';

/** The history of workers and of policies of models. */
@Controller('api/v1/events')
export class EventsController {
  constructor(private readonly history: EventHistory) {}

  /** What changed, when, and by whom, with the values before and after, newest first; also of what was deleted. */
  @Get()
  list(@Query() query: ListEventsQueryDto): Promise<EventPageDto> {
    return this.history.page(query);
  }

  /**
   * Takes a change back: the columns get their former values, something deleted comes back, something new is deleted. 409 where
   * that would overwrite later changes. Answers with the event that this makes, which can be taken back as well.
   */
  @Post(':id/undo')
  @HttpCode(200)
  undo(
    @Param('id') id: string,
    @Query() { force }: UndoQueryDto,
    @CurrentCaller() caller: Caller,
  ): Promise<EventDto> {
    return this.history.undo(id, force === 'true', caller);
  }
}
