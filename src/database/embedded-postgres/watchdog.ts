/**
 * A shell forks a watcher and then becomes postgres, so that postgres is the service's own child and there is no
 * moment in which it runs unwatched. The watcher holds the other end of a pipe (fd 3) whose first end only the service
 * has: a line means that postgres has ended, end of file that the service is gone, however it went. Then the watcher
 * stops postgres: fast, after 20 s at once. `$$` is the shell's pid and so postgres's. Forked twice, the watcher is no
 * child of postgres, which would wonder about it.
 */
const SCRIPT = `
(
  (
    trap '' INT TERM HUP
    if read -r _ <&3; then exit; fi
    kill -INT $$
    seconds=0
    while kill -0 $$ && [ $seconds -lt 60 ]; do
      sleep 1
      seconds=$((seconds + 1))
      if [ $seconds -eq 20 ]; then kill -QUIT $$; fi
    done
  ) </dev/null >/dev/null 2>&1 &
)
exec "$@" 3<&-
`;

/** The descriptor of the watcher's pipe in the child's `stdio`. */
export const WATCHER_FD = 3;

/** Arguments for the shell. */
export function watched(command: readonly string[]): readonly string[] {
  return ['-c', SCRIPT, 'embedded-postgres', ...command];
}
