import type { ComponentChildren } from 'preact';
import type { ApiProblem } from '../../api/client';
import type { Edit, Values } from '../../api/edit';
import { isAdmin } from '../../api/session';
import { Dialog } from '../../parts/dialog';
import { type Box, Boxes, EditNotes, faultsOf } from '../../parts/form';
import { Problem } from '../../parts/note';
import { Skeleton } from '../../parts/screen';
import { fieldOf } from './limits';

interface EditDialogProps {
  readonly title: string;
  readonly boxes: readonly Box[];
  readonly edit: Edit;
  readonly isKnown: boolean;
  readonly problem: ApiProblem | null;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A form for what is stored, with what others have changed in between. */
export function EditDialog({ title, boxes, edit, isKnown, problem, onClose, children }: EditDialogProps) {
  const onTouch = isAdmin.value ? edit.touch : undefined;
  return (
    <Dialog label={title} onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          edit.save();
        }}
      >
        <h2>{title}</h2>
        <Problem problem={problem} />
        <EditNotes edit={edit} />
        {children}
        {isKnown ? (
          <Boxes boxes={boxes} values={edit.values} faultOf={faultsOf(edit.problem)} onTouch={onTouch} />
        ) : (
          problem === null && <Skeleton />
        )}
        <div class="row">
          <span class="grow" />
          <button type="button" class="btn" onClick={onClose}>
            Close
          </button>
          {isAdmin.value && (
            <button type="submit" class="btn main">
              Save
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

/** What the boxes hold, as the API takes it. A day is the midnight that begins it, in UTC. */
export const fieldsOf = (values: Values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, text]) => [
      name,
      name === 'expires_at' && text !== ''
        ? `${text.slice(0, 10)}T00:00:00Z`
        : name === 'disabled'
          ? text !== ''
          : fieldOf(name, text),
    ]),
  );

/** A merge patch: null removes what was set. */
export function patchOf(flat: ReturnType<typeof fieldsOf>) {
  const limits = Object.entries(flat).filter(([name]) => name.startsWith('limits.'));
  const rest = Object.entries(flat).filter(([name]) => !name.startsWith('limits.'));
  return {
    ...Object.fromEntries(rest),
    ...(limits.length > 0 && {
      limits: Object.fromEntries(limits.map(([name, value]) => [name.slice(7), value])),
    }),
  };
}
