import type { Model } from '../../api/shapes';
import { Mark } from '../../parts/state';
import { count, millis, taking } from '../../words/numbers';
import { type StateName, takesRequests } from '../../words/states';
import { mayWaitOf } from './policy';

interface WayProps {
  readonly model: Model;
  readonly models: readonly Model[];
  readonly waiting: number;
}

/** What a request goes through: its workers, the queue, the fallbacks, and at last the refusal. */
export function Way({ model, models, waiting }: WayProps) {
  const { fallbacks, effective } = model;
  return (
    <div>
      <h3>What a request goes through</h3>
      <ol class="way">
        <Step name="Workers" of={model} />
        {effective.queue.max !== 0 && (
          <li>
            <Mark shape="waiting" />
            <b>Queue</b>
            <span class="sub">
              {count(waiting)} wait; room for {mayWaitOf(model)}; {millis(effective.queue.wait_ms)} each
            </span>
          </li>
        )}
        {fallbacks.map((name) => (
          <Step key={name} name={name} of={models.find((each) => each.name === name)} />
        ))}
        <li>
          <Mark shape="cancelled" />
          <b>503</b>
          <span class="sub">with Retry-After</span>
        </li>
      </ol>
    </div>
  );
}

function Step({ name, of }: { readonly name: string; readonly of: Model | undefined }) {
  const counts = Object.entries((of?.workers ?? {}) as Readonly<Record<string, number>>);
  const sum = (those: typeof counts): number => those.reduce((all, [, many]) => all + many, 0);
  const all = sum(counts);
  const able = sum(counts.filter(([state]) => takesRequests(state as StateName)));
  const state: StateName =
    able === 0 ? (all === 0 ? 'unknown' : 'unhealthy') : able < all ? 'suspect' : 'healthy';
  return (
    <li>
      <Mark shape={state} />
      <b>{name}</b>
      <span class="sub">{all === 0 ? 'no worker is known' : taking(able, count(all))}</span>
    </li>
  );
}
