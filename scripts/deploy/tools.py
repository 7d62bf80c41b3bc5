"""The tools that scripts/deploy-check.sh has got, and what they say."""

import functools
import json
import os
import subprocess

import yaml

from repository import CHART, ROOT

HELM = os.environ.get("HELM", "helm")
PROMTOOL = os.environ.get("PROMTOOL", "promtool")
# The npm packages with the schemas of custom resources.
CRDS = os.environ.get("CRDS", "node_modules")
KUBERNETES = ["1.29", "1.33", "1.37"]
VALUES = sorted(CHART.glob("ci/*-values.yaml"))


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, **more)


def template(*values, chart=CHART, release="batch-sync"):
    """`helm template` with values: paths of files, or mappings."""
    inputs, arguments = [], []
    for it in values:
        if isinstance(it, dict):
            inputs.append(yaml.safe_dump(it))
            arguments += ["--values", "/dev/stdin"]
        else:
            arguments += ["--values", str(it)]
    assert len(inputs) <= 1
    return run(HELM, "template", release, str(chart), "--namespace", "test", *arguments, input="".join(inputs))


def objects_of(rendered):
    assert rendered.returncode == 0, rendered.stderr
    return [it for it in yaml.safe_load_all(rendered.stdout) if it]


@functools.cache
def invalid_custom_resource(it):
    checked = run("node", str(ROOT / "scripts/deploy/crds.mjs"), CRDS, input=it)
    assert checked.returncode == 0, checked.stderr
    return json.loads(checked.stdout)[0]


def invalid(it, version):
    """What Kubernetes of that version, or the custom resource's own schema, says of an object."""
    import kubernetes_validate

    if it["apiVersion"].split("/")[0] in ("keda.sh", "monitoring.coreos.com"):
        return invalid_custom_resource(json.dumps([it]))
    try:
        kubernetes_validate.validate(it, version, strict=True)
        return ""
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return str(error)
