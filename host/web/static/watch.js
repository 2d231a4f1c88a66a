"use strict";
// Fills Bokeh's sources with what the server sends, and sends what buttons want. Addresses are
// relative: the page's own begins with a part that only this page knows.

const KEPT = 400; // lessons and looks that are drawn, as host/watching.py keeps them
const GROWING = ["lessons", "looked"];
const REPLACED = ["confusion", "spikes", "levels", "moved"];
const LINE = {
  frames_sent: "frames sent", bytes_sent: "bytes sent", bytes_received: "bytes received",
  errors: "errors", resent: "resent", damaged: "damaged", timeouts: "timeouts", gaps: "gaps",
  reconnects: "reconnected", reboots: "restarted",
};

const byId = (id) => document.getElementById(id);
let buttons = [];

function list(id, entries) {
  byId(id).replaceChildren(...entries.map(([name, value]) => {
    const entry = document.createElement("div");
    const term = document.createElement("dt");
    const said = document.createElement("dd");
    term.textContent = name;
    said.textContent = value;
    said.dataset.name = name;
    entry.append(term, said);
    return entry;
  }));
}

async function teach(wanted) {
  const answer = await fetch("teach", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ teach: wanted }),
  });
  byId("refused").textContent = answer.ok ? "" : (await answer.json()).refused;
}

function addButton(text, wanted) {
  const button = document.createElement("button");
  button.textContent = text;
  button.addEventListener("click", () => teach(wanted));
  byId("buttons").append(button);
  buttons.push([button, wanted]);
}

function makeButtons(facts) {
  if (!facts.teaches) return;
  if (facts.has_own) addButton("Teach all, as they come", "all");
  facts.classes.forEach((name, label) => addButton(`Teach ${name}`, label));
  addButton("Stop teaching", null);
}

function press(teaching) {
  if (teaching === null) return;
  const now = teaching.resting ? null : teaching.wanted === null ? "all" : teaching.wanted;
  for (const [button, wanted] of buttons) {
    button.setAttribute("aria-pressed", String(wanted === now));
  }
}

function tell(facts, line) {
  const entries = [["lessons", facts.lessons], ["taught", facts.taught]];
  if (facts.total !== null) {
    entries.push(["of the stream", `${facts.done} of ${facts.total}`], ["samples/s", facts.speed]);
  }
  if (facts.answer !== null) entries.push(["latest answer", facts.answer]);
  if (facts.truth !== null) entries.push(["its class", facts.truth]);
  list("facts", entries);
  list("line", Object.entries(LINE).map(([name, text]) => [text, line[name]]));
  byId("events").replaceChildren(...facts.events.map((text) => {
    const entry = document.createElement("li");
    entry.textContent = text;
    return entry;
  }));
}

function state(facts, teaching) {
  if (facts.is_over) return "The stream has ended.";
  if (teaching === null) return "Live: the device answers, and is not taught.";
  if (teaching.resting) return "Live: nothing is taught.";
  return teaching.used_up ? "Nothing is left of this class: choose another one." : "Live.";
}

function draw(sources, picture, isAll) {
  for (const name of GROWING) {
    const columns = picture[name];
    if (isAll) sources[name].data = columns;
    else if (columns.number.length > 0) sources[name].stream(columns, KEPT);
  }
  for (const name of REPLACED) {
    const text = JSON.stringify(picture[name]);
    if (sources[name].shown !== text) {
      sources[name].shown = text;
      sources[name].data = picture[name];
    }
  }
  press(picture.teaching);
  tell(picture.facts, picture.line);
  byId("state").textContent = state(picture.facts, picture.teaching);
}

async function begin() {
  const facts = await (await fetch("facts")).json();
  document.title = byId("title").textContent = `edge-naca watch: ${facts.title}`;
  makeButtons(facts);
  await Bokeh.embed.embed_item(await (await fetch("figures")).json());
  const sources = {};
  for (const name of [...GROWING, ...REPLACED]) {
    sources[name] = Bokeh.documents[0].get_model_by_name(name);
  }
  const events = new EventSource("pictures");
  events.addEventListener("all", (event) => draw(sources, JSON.parse(event.data), true));
  events.addEventListener("more", (event) => draw(sources, JSON.parse(event.data), false));
  events.addEventListener("error", () => {
    byId("state").textContent = "Nothing comes any more: edge-naca watch has ended.";
  });
}

begin().catch((error) => { byId("state").textContent = `This page failed: ${error}`; });
