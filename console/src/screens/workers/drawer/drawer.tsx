import './drawer.css';
import { Dialog } from '../../../parts/dialog';

interface DrawerProps {
  readonly id: string;
  readonly tab: string;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export default function Drawer({ id, onClose }: DrawerProps) {
  return (
    <Dialog label={id} kind="drawer" onClose={onClose}>
      <div />
    </Dialog>
  );
}
