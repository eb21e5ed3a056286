/** No control characters: they hide in logs and tables, and PostgreSQL's text cannot hold U+0000, nor lone surrogates. */
export const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
export const printable = { message: '$property must not hold control characters or lone surrogates' };
