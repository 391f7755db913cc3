/**
 * Shows numbers, money and times to people; exact values stay in titles and exports.
 */

const LOCALE = "en";
const whole = new Intl.NumberFormat(LOCALE);
const compact = new Intl.NumberFormat(LOCALE, { notation: "compact", maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(LOCALE, { style: "percent", maximumFractionDigits: 1 });
const moments = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });
const times = new Intl.DateTimeFormat(LOCALE, { timeStyle: "medium" });
const daysOfMonth = new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric", timeZone: "UTC" });
const days = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });

/** `$12.50`; a sum below a cent with as many decimals as it takes to see it. Takes the doors' strings of dollars. */
export function money(dollars) {
  if (dollars === null || dollars === undefined) return "–";
  const value = Number(dollars);
  const size = Math.abs(value);
  const decimals = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  const text = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: decimals }).format(
    size,
  );
  return `${value < 0 ? "−" : ""}$${text}`;
}

/** `1,234`, or a dash for what is not known. */
export function number(value) {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** `1 picture`, `2 pictures`; `many` where it is not `one` with an s. */
export function counted(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** `1.2K`, for axes. */
export function short(value) {
  return compact.format(value);
}

/** `99.2%` of a ratio. */
export function percent(ratio) {
  return ratio === null || ratio === undefined ? "–" : percents.format(ratio);
}

/** `0 s`, `850 ms`, `12.3 s`, `4 min 5 s`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === 0) return "0 s";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(3))} ms`;
  if (seconds < 100) return `${Number(seconds.toPrecision(3))} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** `1.4 MB`. */
export function bytes(size) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${Number(size.toPrecision(3))} ${units[unit]}`;
}

/** Date and time here; takes ISO text or Unix seconds. */
export function moment(when) {
  return when === null || when === undefined ? "–" : moments.format(asDate(when));
}

/** Date and time here as short as it goes: the year only where it is another one. */
export function briefMoment(when) {
  const date = asDate(when);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  const parts = { year, month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit" };
  return date.toLocaleString(LOCALE, parts);
}

/** The time of day here. */
export function time(when) {
  return times.format(asDate(when));
}

/** A UTC day. */
export function day(text) {
  return days.format(new Date(`${text}T00:00:00Z`));
}

/** The same without its year, for axes: `Nov 23`. */
export function dayOfMonth(text) {
  return daysOfMonth.format(new Date(`${text}T00:00:00Z`));
}

/** `in 3 days`, `5 minutes ago`. */
export function relative(when, now = Date.now()) {
  const seconds = (asDate(when).getTime() - now) / 1000;
  const [unit, size] = [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ].find(([, of]) => Math.abs(seconds) >= of) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

function asDate(when) {
  return typeof when === "number" ? new Date(when * 1000) : new Date(when);
}
