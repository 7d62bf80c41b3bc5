// Validates custom resources by the schemas of KEDA and the Prometheus operator, which are in npm packages as compiled
// functions. Reads an array of objects from stdin, and prints for each what is wrong with it, or "".
//
//   node crds.mjs NODE_MODULES <OBJECTS
//
// A field that a schema does not know is wrong too: Kubernetes would drop it in silence. The functions do not say so,
// but they look at every field that they know: those that they did not look at are the unknown ones.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const modules = process.argv[2];
const SCHEMAS = {
  ScaledObject: "keda/_schemas/ComGithubKedacoreKedaV2ApisKedaV1alpha1ScaledObject.js",
  TriggerAuthentication: "keda/_schemas/ComGithubKedacoreKedaV2ApisKedaV1alpha1TriggerAuthentication.js",
  PodMonitor:
    "prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1PodMonitor.js",
  PrometheusRule:
    "prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1PrometheusRule.js",
};

/** The value, and a list of the paths below it that nobody has looked at. */
function watched(value, path, unseen) {
  if (value === null || typeof value !== "object") return value;
  const inner = new Map();
  for (const [key, child] of Object.entries(value)) {
    const at = `${path}/${key}`;
    unseen.add(at);
    inner.set(key, watched(child, at, unseen));
  }
  return new Proxy(value, {
    get(target, key) {
      if (!inner.has(key)) return Reflect.get(target, key);
      unseen.delete(`${path}/${key}`);
      return inner.get(key);
    },
  });
}

const problems = [];
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const file = SCHEMAS[object.kind];
  if (!file) {
    problems.push(`there is no schema of ${object.kind}`);
    continue;
  }
  const { validate } = await import(pathToFileURL(`${modules}/@kubernetes-models/${file}`));
  const unseen = new Set();
  const valid = validate(watched(object, "", unseen));
  // What is below an unknown field was not looked at either, and is not named.
  const unknown = [...unseen].filter((path) => !unseen.has(path.slice(0, path.lastIndexOf("/"))));
  const wrong = valid ? [] : validate.errors.map((error) => `${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`);
  problems.push([...wrong, ...unknown.map((path) => `${path} is unknown`)].join("; "));
}
console.log(JSON.stringify(problems));
