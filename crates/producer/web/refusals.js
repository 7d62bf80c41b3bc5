// What a person is told of an error that the API names by its kind. The API's own sentence is for who
// wrote the request: it speaks of calls, and of `load` in a body.

/** Without what to do next, where that depends on the view. */
const WORDS = {
  "no-load-fits": "no load fits this file's name",
  "several-loads-fit": "the patterns of several loads fit this file's name",
  "several-default-loads": "no load fits this file's name, and the consumers have different default loads",
  "no-such-load": "the server has no load of this name; reload the page to see those that it has",
  "no-such-run": "the server knows no run with this id. The newest runs are in the list; those long past are forgotten",
  "no-such-file": "there is no file of this name in the container",
};

const ASKS_FOR_LOAD = new Set(["no-load-fits", "several-loads-fit", "several-default-loads"]);

/** Those of the API for what has no other. */
export const inWords = (kind, words) => WORDS[kind] ?? words;

export const asksForLoad = ({ kind }) => ASKS_FOR_LOAD.has(kind);
