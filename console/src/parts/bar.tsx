/** Under a number that says the same. Of a limit it is amber where it is nearly full; a share has none. */
export function Bar({ share, isShare = false }: { readonly share: number; readonly isShare?: boolean }) {
  const style = { '--v': `${Math.round(Math.min(1, share) * 100)}%` };
  return <i class={share >= 0.9 && !isShare ? 'bar full' : 'bar'} style={style} aria-hidden="true" />;
}
