/**
 * The last 30 days and their models, as charts or as tables.
 */

import { columnChart, rowChart } from "../chart.js";
import { chartCard } from "../chart_card.js";
import { counted, day, dayOfMonth, money, number, percent, short } from "../format.js";
import { empty, table } from "../parts.js";

const MEASURES = [
  { id: "cost", name: "Spend" },
  { id: "images", name: "Pictures" },
];
const IN_WORDS = { cost: money, images: (value) => counted(value, "picture") };
const ON_AXIS = { cost: dollars, images: short };
const UNBROKEN = { class: "unbroken" };
const MOST_MODELS = 8;

/** Spend and pictures by UTC day. */
export function daysCard() {
  return chartCard("Last 30 days", MEASURES, drawnDays, (days) =>
    table(
      "By day in UTC, today first",
      [{ title: "Day", cell: (row) => day(row.day), sum: "In all" }, ...figureColumns(days)],
      [...days].reverse(),
      UNBROKEN,
    ),
  );
}

/** The same by model. */
export function modelsCard() {
  return chartCard("Models in these 30 days", MEASURES, drawnModels, (models) =>
    table(
      "By model, the dearest first",
      [{ title: "Model", cell: modelName, sum: "In all" }, ...figureColumns(models)],
      models,
      UNBROKEN,
    ),
  );
}

function drawnDays(days, measure) {
  const said = IN_WORDS[measure];
  const most = days.reduce((best, one) => (Number(one[measure]) > Number(best[measure]) ? one : best));
  const columns = days.map((one, at) => ({
    name: dayOfMonth(one.day),
    told: toldOf(one, at === days.length - 1),
    value: Number(one[measure]),
  }));
  return columnChart({
    label: `${measure === "cost" ? "Spend" : "Pictures"} by day`,
    summary: `${said(sum(days, measure))} in all, most on ${day(most.day)}: ${said(most[measure])}`,
    columns,
    axis: ON_AXIS[measure],
    isWhole: measure === "images",
  });
}

function toldOf(one, isToday) {
  return `${day(one.day)}: ${IN_WORDS.cost(one.cost)}, ${IN_WORDS.images(one.images)}${isToday ? ", so far" : ""}`;
}

function drawnModels(models, measure) {
  if (models.length === 0) return empty("No model was used.");
  const sorted = [...models].sort((one, other) => Number(other[measure]) - Number(one[measure]));
  const [shown, others] = [sorted.slice(0, MOST_MODELS), sorted.slice(MOST_MODELS)];
  const rows = shown.map((one) => ({
    name: modelName(one),
    value: Number(one[measure]),
    shown: IN_WORDS[measure](one[measure]),
  }));
  if (others.length > 0) {
    const value = sum(others, measure);
    rows.push({ name: `${others.length} others`, value, shown: IN_WORDS[measure](value) });
  }
  return rowChart({ label: `${measure === "cost" ? "Spend" : "Pictures"} by model`, rows });
}

function figureColumns(rows) {
  const [requests, delivered] = [sum(rows, "requests"), sum(rows, "delivered")];
  return [
    { title: "Spend", cell: (row) => money(row.cost), number: true, sum: money(sum(rows, "cost")) },
    { title: "Pictures", cell: (row) => number(row.images), number: true, sum: number(sum(rows, "images")) },
    { title: "Requests", cell: (row) => number(row.requests), number: true, sum: number(requests) },
    { title: "Delivered", cell: (row) => number(row.delivered), number: true, sum: number(delivered) },
    {
      title: "Success",
      cell: (row) => percent(row.success_rate),
      number: true,
      sum: percent(requests ? delivered / requests : null),
    },
  ];
}

/** What was credited to a team as a whole belongs to no model. */
function modelName({ model }) {
  return model === "-" ? "Credits to teams" : model;
}

function sum(rows, measure) {
  return rows.reduce((total, row) => total + Number(row[measure]), 0);
}

function dollars(value) {
  return Math.abs(value) >= 1000 ? `${value < 0 ? "−" : ""}$${short(Math.abs(value))}` : money(value);
}
