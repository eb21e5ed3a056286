import { useState } from 'preact/hooks';
import { type ApiProblem, asProblem, call, post, type Schemas } from '../../api/client';
import { useData } from '../../api/data';
import { nested, useEdit, type Values } from '../../api/edit';
import { isAdmin } from '../../api/session';
import { Confirm } from '../../parts/confirm';
import { Dialog } from '../../parts/dialog';
import { type Box, Boxes, faultsOf } from '../../parts/form';
import { Problem } from '../../parts/note';
import { attempt, toast } from '../../parts/toast';
import { exactTime } from '../../words/numbers';
import { EditDialog, fieldsOf, patchOf } from './edit-dialog';
import { ShownOnce } from './key-actions';
import { type Key, LIMIT_BOXES, limitValues, ROLES, type Team } from './limits';

const BOXES: readonly Box[] = [
  { name: 'name', label: 'Name' },
  { name: 'role', label: 'Role', options: ROLES },
  { name: 'team', label: 'Team', placeholder: 'none' },
  { name: 'models', label: 'Models', placeholder: 'all', hint: 'names, or beginnings with *' },
  { name: 'expires_at', label: 'Expires', type: 'date' },
];
const DISABLED: Box = {
  name: 'disabled',
  label: 'Switch',
  options: [
    ['', 'ON'],
    ['true', 'OFF: it is refused'],
  ],
};

const WEIGHT: Box = { name: 'weight', label: 'Weight', type: 'number', placeholder: '1' };

interface DialogProps {
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export function KeyDialog({ id, ...others }: DialogProps & { readonly id: string }) {
  return id === 'new' ? isAdmin.value && <NewKey {...others} /> : <StoredKey id={id} {...others} />;
}

function NewKey({ onClose, onChanged }: DialogProps) {
  const [values, setValues] = useState<Values>({ role: 'inference' });
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [made, setMade] = useState<Schemas['NewKeyDto'] | null>(null);
  const create = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      setMade(await post<Schemas['NewKeyDto']>('/api/v1/keys', nested(fieldsOf(values))));
      onChanged();
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <Dialog label="New key" onClose={onClose}>
      {made === null ? (
        <form noValidate onSubmit={(event) => void create(event)}>
          <h2>New key</h2>
          <Problem problem={problem} />
          <Boxes
            boxes={[...BOXES, ...LIMIT_BOXES]}
            values={values}
            faultOf={faultsOf(problem)}
            onTouch={(part) => setValues({ ...values, ...part })}
          />
          <div class="row">
            <span class="grow" />
            <button type="button" class="btn" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class="btn main">
              Create
            </button>
          </div>
        </form>
      ) : (
        <ShownOnce name={made.name} secret={made.key} onClose={onClose} />
      )}
    </Dialog>
  );
}

function StoredKey({ id, onClose, onChanged }: DialogProps & { readonly id: string }) {
  const path = `/api/v1/keys/${id}`;
  const data = useData<Key>(
    path,
    (change) => change.kind === 'key' && (change.id === id || change.id === null),
  );
  const saved = (): void => (toast('The key is saved'), onChanged());
  const edit = useEdit<Key>({
    path,
    data,
    method: 'PATCH',
    read: ({ name, role, team, models, expires_at, disabled, limits }) => ({
      name,
      role,
      team: team ?? '',
      models: models?.join(', ') ?? '',
      expires_at: expires_at?.slice(0, 10) ?? '',
      disabled: disabled ? 'true' : '',
      ...limitValues(limits),
    }),
    write: (_, touched) => patchOf(fieldsOf(touched)),
    events: { subject: 'key', kind: 'changed' },
    onSaved: saved,
  });
  const { value } = data;
  return (
    <EditDialog
      title={value?.name ?? 'Key'}
      boxes={[...BOXES, DISABLED, ...LIMIT_BOXES]}
      edit={edit}
      isKnown={value !== undefined}
      problem={data.problem}
      onClose={onClose}
    >
      {value !== undefined && (
        <p class="sub small" title={exactTime(value.created_at)}>
          <code>{value.prefix}…</code> made by {value.created_by}, generation {value.generation}
        </p>
      )}
    </EditDialog>
  );
}

export function TeamDialog({ name, onClose, onChanged }: DialogProps & { readonly name: string }) {
  const [own, setOwn] = useState('');
  const isNew = name === 'new';
  const path = `/api/v1/teams/${encodeURIComponent(isNew ? own : name)}`;
  const data = useData<Team>(
    isNew ? null : path,
    ({ kind, id }) => kind === 'team' && (id === name || id === null),
  );
  const [isDeleting, setDeleting] = useState(false);
  const edit = useEdit<Team>({
    path,
    data,
    method: 'PUT',
    read: ({ limits, weight }) => ({ ...limitValues(limits), weight: `${weight}` }),
    // What the form has no box for stays.
    write: (all) => ({
      labels: data.value?.labels ?? {},
      max_priority: data.value?.max_priority,
      ...nested(fieldsOf(all)),
    }),
    events: { subject: 'team' },
    onSaved: () => (toast(`${isNew ? own : name} is saved`), onChanged(), isNew && onClose()),
  });
  const remove = (): Promise<void> =>
    attempt(async () => {
      await call('DELETE', path);
      toast(`${name} has no limits`);
      onChanged();
      onClose();
    });
  return (
    <EditDialog
      title={isNew ? 'New team' : name}
      boxes={[...LIMIT_BOXES, WEIGHT]}
      edit={edit}
      isKnown={isNew || data.value !== undefined}
      problem={data.problem}
      onClose={onClose}
    >
      {isNew && (
        <Boxes
          boxes={[{ name: 'name', label: 'Name' }]}
          values={{ name: own }}
          faultOf={faultsOf(edit.problem)}
          onTouch={({ name: to = '' }) => setOwn(to)}
        />
      )}
      {!isNew && isAdmin.value && (
        <div>
          <button type="button" class="btn tiny bad" onClick={() => setDeleting(true)}>
            Delete {name}
          </button>
        </div>
      )}
      {isDeleting && (
        <Confirm
          title={`Delete ${name}?`}
          text="Its limits and labels are gone; its keys stay, without the limits that they shared."
          word="Delete"
          onConfirm={() => void remove()}
          onClose={() => setDeleting(false)}
        />
      )}
    </EditDialog>
  );
}
