import { useState } from 'preact/hooks';
import { call, post, type Schemas } from '../../api/client';
import { Code } from '../../parts/code';
import { Confirm } from '../../parts/confirm';
import { Dialog } from '../../parts/dialog';
import { Options } from '../../parts/field';
import { attempt, toast } from '../../parts/toast';
import type { Key } from './limits';

interface ActionsProps {
  readonly of: Key;
  readonly onChanged: () => void;
}

const OVERLAPS = [
  ['3600', 'works for an hour'],
  ['86400', 'works for a day'],
  ['604800', 'works for a week'],
  ['0', 'is refused at once'],
] as const;

export function KeyActions({ of: { id, name }, onChanged }: ActionsProps) {
  const [action, setAction] = useState<'rotate' | 'revoke' | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const [overlap, setOverlap] = useState('3600');
  const close = (): void => setAction(null);
  const revoke = async (): Promise<void> => {
    await attempt(async () => {
      await call('DELETE', `/api/v1/keys/${id}`);
      toast(`${name} is revoked on all replicas`);
    });
    onChanged();
  };
  const rotate = (): Promise<void> =>
    attempt(async () => {
      const { key } = await post<Schemas['NewKeyDto']>(`/api/v1/keys/${id}/rotate`, {
        overlap_s: Number(overlap),
      });
      setMade(key);
      close();
    });
  return (
    <>
      <button
        type="button"
        class="btn tiny"
        aria-label={`Rotate ${name}`}
        onClick={() => setAction('rotate')}
      >
        Rotate
      </button>{' '}
      <button
        type="button"
        class="btn tiny bad"
        aria-label={`Revoke ${name}`}
        onClick={() => setAction('revoke')}
      >
        Revoke
      </button>
      {action === 'revoke' && (
        <Confirm
          title={`Revoke ${name}?`}
          text="Clients with this key are refused within a second, for good. What it has done stays in the history."
          word="Revoke"
          onConfirm={() => void revoke()}
          onClose={close}
        />
      )}
      {action === 'rotate' && (
        <Dialog label={`Rotate ${name}`} onClose={close}>
          <div>
            <h2>A new key for {name}</h2>
            <label class="row">
              The former key
              <select
                class="grow"
                value={overlap}
                onInput={({ currentTarget }) => setOverlap(currentTarget.value)}
              >
                <Options of={OVERLAPS} />
              </select>
            </label>
            <div class="row">
              <span class="grow" />
              <button type="button" class="btn" onClick={close}>
                Cancel
              </button>
              <button type="button" class="btn main" onClick={() => void rotate()}>
                Rotate
              </button>
            </div>
          </div>
        </Dialog>
      )}
      {made !== null && (
        <Dialog label={`The new key of ${name}`} onClose={() => setMade(null)}>
          <ShownOnce name={name} secret={made} onClose={() => (setMade(null), onChanged())} />
        </Dialog>
      )}
    </>
  );
}

interface ShownProps {
  readonly name: string;
  readonly secret: string;
  readonly onClose: () => void;
}

export function ShownOnce({ name, secret, onClose }: ShownProps) {
  return (
    <div>
      <h2>The key of {name}</h2>
      <p>This is the only time that it is shown: the service keeps a hash of it.</p>
      <Code text={secret} />
      <p class="sub small">Put it where your secrets are kept, then close this.</p>
      <div class="row">
        <span class="grow" />
        <button type="button" class="btn main" onClick={onClose}>
          Done
        </button>
      </div>
    </div>
  );
}
