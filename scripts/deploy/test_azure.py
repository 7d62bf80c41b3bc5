"""deploy/azure/main.bicep beside the programs. It cannot be compiled or deployed here, which it says itself."""

import re

import pytest

import repository
from tools import ROOT

BICEP = ROOT / "deploy/azure/main.bicep"


def app(text, kind):
    return re.search(rf"^resource {kind} 'Microsoft.App/containerApps@.*?^}}", text, re.M | re.S)[0]


def problems_of(text):
    known = repository.settings()
    # Of the Azure SDK, not ours.
    others = {"AZURE_CLIENT_ID"}
    for variable, how in re.findall(r"name: '([A-Z][A-Z0-9_]+)', (value|secretRef):", text):
        if variable not in set(known) | others:
            yield f"no program reads {variable}"
        if variable in repository.secrets() and how != "secretRef":
            yield f"{variable} is written out"
    for kind, setting, more in (("server", "HTTP_SHUTDOWN_GRACE", 5), ("consumer", "CONSUMER_SHUTDOWN_GRACE", 10)):
        body = app(text, kind)
        grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", body)[1])
        needed = repository.seconds(known[setting]) + more
        if grace < needed:
            yield f"{kind} is killed after {grace} s, and needs {needed}"
        named = set(re.findall(r"secretRef: '([a-z-]+)'", body + re.search(r"var settings = \[.*?^\]", text, re.M | re.S)[0]))
        given = set(re.findall(r"\{ name: '([a-z-]+)', keyVaultUrl", body))
        if named != given:
            yield f"{kind} names the secrets {sorted(named)} and has {sorted(given)}"
    for path in re.findall(r"httpGet: \{ path: '(.*?)'", text):
        if path not in repository.probe_paths():
            yield f"nobody answers at {path}"
    if "listName: '{batch-sync}:to-do'" not in app(text, "consumer"):
        yield "the scale rule counts something else"
    if "external: true" in app(text, "consumer") or "ingress" in app(text, "consumer"):
        yield "consumers can be reached"
    if re.search(r"^param \w*([Ss]ecret|[Tt]oken)\w* ", text, re.M) and len(re.findall(r"^@secure\(\)$", text, re.M)) != 2:
        yield "a secret parameter is not secure"
    for opening, closing in ("{}", "[]", "()"):
        bare = re.sub(r"//.*|'[^'\n]*'", "", text)
        if bare.count(opening) != bare.count(closing):
            yield f"{opening} and {closing} do not match"
    if "NOT TRIED" not in "\n".join(text.splitlines()[:6]):
        yield "it does not say that it was not tried"


def test_the_file_fits_the_programs():
    assert list(problems_of(BICEP.read_text())) == []


@pytest.mark.parametrize("was, becomes", [
    ("'SALESFORCE_OBJECT'", "'SALESFORCE_OBJEKT'"),
    ("{ name: 'REDIS_URL', secretRef: 'redis-url' }", "{ name: 'REDIS_URL', value: 'redis://x' }"),
    ("terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 30"),
    ("path: '/readyz'", "path: '/ready'"),
    (":to-do", ":batches:data"),
    ("@secure()\nparam salesforceClientSecret", "param salesforceClientSecret"),
    ("{ name: 'api-token', keyVaultUrl", "{ name: 'api-tokens', keyVaultUrl"),
    ("NOT TRIED", "Tried"),
    ("scale: { minReplicas: 1, maxReplicas: 1 }", "scale: { minReplicas: 1, maxReplicas: 1 "),
])
def test_a_misfit_is_seen(was, becomes):
    text = BICEP.read_text()
    assert was in text
    assert list(problems_of(text.replace(was, becomes))) != []
