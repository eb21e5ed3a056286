/** Stands where a view shows a header whose value is stored and never shown. Sent back in a change: what is stored stays. */
export const SEALED = '<sealed>';
