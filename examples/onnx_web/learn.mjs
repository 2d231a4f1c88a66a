// Teaches an ONNX model in onnxruntime-web: the same WebAssembly that runs in a browser.
//
//     node learn.mjs FOLDER
//
// FOLDER has learner.onnx, samples.json and state.json (run.py writes them); answers.json is written to it.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import * as ort from "onnxruntime-web/wasm";

ort.env.wasm.numThreads = 1;

const folder = process.argv[2];
const read = async (name) => JSON.parse(await readFile(join(folder, name), "utf8"));

// A tensor of what run.py wrote: its type, its dimensions, its numbers.
const ARRAYS = { int8: Int8Array, int16: Int16Array, int32: Int32Array, uint8: Uint8Array,
  uint16: Uint16Array, uint32: Uint32Array };
const tensor = ({ type, dims, data }) => new ort.Tensor(type, ARRAYS[type].from(data), dims);

const { shape, samples, labels } = await read("samples.json");
const session = await ort.InferenceSession.create(await readFile(join(folder, "learner.onnx")));

// The learned state goes in with every sample, and comes out changed: that is all of learning.
const state = Object.fromEntries(
  Object.entries(await read("state.json")).map(([name, value]) => [name, tensor(value)]),
);
const predictions = [];
for (const [at, sample] of samples.entries()) {
  const given = await session.run({
    sample: new ort.Tensor("uint8", Uint8Array.from(sample), shape),
    label: new ort.Tensor("int32", Int32Array.of(labels[at]), []),
    ...state,
  });
  predictions.push(given.prediction.data[0]); // made before it learned
  for (const name of Object.keys(state)) {
    state[name] = given[`${name}.next`];
  }
}

const learned = Object.fromEntries(
  Object.entries(state).map(([name, { type, dims, data }]) => [name, { type, dims, data: [...data] }]),
);
await writeFile(join(folder, "answers.json"), JSON.stringify({ predictions, state: learned }));
