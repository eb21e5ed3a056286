import type { Group, UsageRowDto } from './usage.dto.js';

const COLUMNS_OF_GROUP: Readonly<Record<Group, readonly (keyof UsageRowDto)[]>> = {
  hour: ['hour'],
  day: ['day'],
  key: ['key', 'key_id'],
  team: ['team'],
  model: ['model'],
  worker: ['worker_id'],
};
const FIGURES: readonly (keyof UsageRowDto)[] = [
  'requests',
  'errors_caller',
  'errors_worker',
  'errors_service',
  'limited',
  'input_tokens',
  'cached_tokens',
  'output_tokens',
  'estimated_tokens',
  'images',
  'seconds',
  'cost',
  'currency',
];

/** A table with a head, as RFC 4180 says. @param groups in the order of the columns */
export function usageCsv(rows: readonly UsageRowDto[], groups: readonly Group[]): string {
  const columns = [...groups.flatMap((group) => COLUMNS_OF_GROUP[group]), ...FIGURES];
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? null)).join(','));
  return [columns.join(','), ...lines].map((line) => `${line}\r\n`).join('');
}

/** Spreadsheets run a cell that begins so as a formula [https://owasp.org/www-community/attacks/CSV_Injection]. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

export function cell(value: string | number | Date | null): string {
  if (value === null) return '';
  if (value instanceof Date) return value.toISOString();
  // As text: a large or small number would be written with an exponent.
  if (typeof value === 'number')
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(15)));
  const harmless = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
