interface SwitchProps {
  readonly name: string;
  readonly isOn: boolean;
  /** Left out: the role may not switch, and the words stay. */
  readonly onSwitch?: ((to: boolean) => void) | undefined;
  readonly isWaiting?: boolean;
}

export function Switch({ name, isOn, onSwitch, isWaiting = false }: SwitchProps) {
  if (onSwitch === undefined) return <span class="switch">{isOn ? 'ON' : 'OFF'}</span>;
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isOn}
      aria-label={name}
      disabled={isWaiting}
      onClick={() => onSwitch(!isOn)}
    >
      <i />
      <span aria-hidden="true">{isOn ? 'ON' : 'OFF'}</span>
    </button>
  );
}
