/** A format is made when it is first used: each takes some milliseconds. */
const numbers = (options: Intl.NumberFormatOptions): ((value: number) => string) => {
  let made: Intl.NumberFormat;
  return (value) => (made ??= new Intl.NumberFormat('en', options)).format(value);
};
const times = (options: Intl.DateTimeFormatOptions): ((at: Date) => string) => {
  let made: Intl.DateTimeFormat;
  return (at) => (made ??= new Intl.DateTimeFormat('en-GB', options)).format(at);
};
const fine = numbers({ maximumFractionDigits: 1 });
const short = numbers({ notation: 'compact', maximumFractionDigits: 1 });
const clock = times({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = times({ day: 'numeric', month: 'short' });
const moment = times({ dateStyle: 'medium', timeStyle: 'medium' });
const long = times({ weekday: 'long', day: 'numeric', month: 'long' });

export const count = numbers({ maximumFractionDigits: 0 });
export const compact = (value: number): string => (value < 10_000 ? count(value) : short(value));

/** A share of 1 as percent; what is not 0 never looks like 0. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return '–';
  if (share > 0 && share < 0.001) return '< 0.1 %';
  const value = share * 100;
  return `${value >= 10 ? count(value) : fine(value)} %`;
}

/** A measured time: 231 ms, 1.4 s, 1.7 min. */
export function millis(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1_000) return `${count(ms)} ms`;
  return ms < 60_000 ? `${fine(ms / 1_000)} s` : `${fine(ms / 60_000)} min`;
}

/** How long something has been: 4 s, 1 min 40 s, 25 min, 3 h, 6 d. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1_000));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 5) return s % 60 === 0 ? `${min} min` : `${min} min ${s % 60} s`;
  if (min < 120) return `${min} min`;
  const h = Math.floor(min / 60);
  return h < 48 ? `${h} h` : `${Math.floor(h / 24)} d`;
}

const isToday = (at: Date): boolean => at.toDateString() === new Date().toDateString();

/** 14:07:11 of any day. */
export const clockOf = (at: string): string => clock(new Date(at));

/** 14:07:11, of another day with the date. */
export function timeOf(at: string | number | Date): string {
  const date = new Date(at);
  return isToday(date) ? clock(date) : `${day(date)} ${clock(date).slice(0, 5)}`;
}

/** Today; of another day Tuesday, 24 November. */
export function dayOf(at: string): string {
  const date = new Date(at);
  return isToday(date) ? 'Today' : long(date).replace(/ /, ', ');
}

/** 24 Nov, of a day of UTC. */
export const dayAndMonth = (date: string): string => day(new Date(`${date}T00:00`));

export const exactTime = (at: string | number | Date): string => moment(new Date(at));

/** A name of the API as a person reads it: max concurrency, queue max. */
export const wordsOf = (name: string): string => name.replace(/[._]/g, ' ');

/** `of`: a number, or that with its noun. */
export const taking = (many: number, of: string): string =>
  `${count(many)} of ${of} ${many === 1 ? 'takes' : 'take'} requests`;

export const plural = (many: number, one: string, more = `${one}s`): string =>
  `${count(many)} ${many === 1 ? one : more}`;
