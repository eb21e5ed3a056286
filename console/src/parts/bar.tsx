/** Under a number that says the same; amber where it is nearly full. */
export function Bar({ share }: { readonly share: number }) {
  const style = { '--v': `${Math.round(Math.min(1, share) * 100)}%` };
  return <i class={share >= 0.9 ? 'bar full' : 'bar'} style={style} aria-hidden="true" />;
}
