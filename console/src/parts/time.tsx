import { now } from '../live/clock';
import { duration, exactTime } from '../words/numbers';

/** How long ago, ticking; the exact time in its title. */
export function Since({ at }: { readonly at: string }) {
  const since = new Date(at);
  return (
    <time dateTime={at} title={exactTime(since)}>
      {duration(now.value - since.getTime())}
    </time>
  );
}
