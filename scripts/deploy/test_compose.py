"""compose.yaml, what it mounts, and the Dockerfile."""

import copy
import os
import re
import sys
from pathlib import Path

import pytest
import yaml

import repository
from tools import PROMTOOL, ROOT, run

COMPOSE = ROOT / "deploy/compose.yaml"
BIN = Path(sys.executable).parent
# What secrets.sh would write.
SECRETS = {"API_TOKEN": "t", "REDIS_PASSWORD": "p", "REDIS_URL": "redis://:p@redis:6379", "SALESFORCE_CLIENT_SECRET": "s"}


def services():
    """With all merges done."""
    return yaml.safe_load(COMPOSE.read_text())["services"]


def schema_check(schema, file):
    return run(str(BIN / "check-jsonschema"), "--builtin-schema", schema, str(file))


def test_compose_is_what_its_specification_says(tmp_path):
    checked = schema_check("vendor.compose-spec", COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    broken = tmp_path / "compose.yaml"
    broken.write_text(COMPOSE.read_text().replace("    scale: 2\n", "    scale: many\n    helthcheck: {}\n"))
    assert schema_check("vendor.compose-spec", broken).returncode != 0


@pytest.fixture
def compose_config(tmp_path):
    """Reads compose.yaml with all profiles. To read it, podman-compose asks podman for its version, and no more."""
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\necho podman version 4.3.1\n")
    podman.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    def config(environment):
        return run(str(BIN / "podman-compose"), "--file", str(COMPOSE), "--profile", "run", "--profile", "tls",
                   "--profile", "monitoring", "config", env={**os.environ, **environment, "PATH": path})
    return config


def test_compose_is_read_with_all_its_profiles(compose_config):
    config = compose_config(SECRETS)
    assert config.returncode == 0, config.stderr
    found = yaml.safe_load(config.stdout)["services"]
    assert found.keys() == services().keys()
    assert found["serve"]["environment"]["API_TOKEN"] == "t"


def test_compose_starts_nothing_without_its_secrets(compose_config):
    for missing in ("API_TOKEN", "REDIS_URL", "REDIS_PASSWORD"):
        config = compose_config({**SECRETS, missing: ""})
        assert config.returncode != 0, f"{missing} is not asked for"
        assert "run deploy/secrets.sh" in config.stdout + config.stderr


def problems_of(found):
    """What is wrong with the health checks, ports and files of services."""
    for name, service in found.items():
        test = service.get("healthcheck", {}).get("test", [])
        waits = service.get("depends_on", {})
        if isinstance(waits, dict):
            for other, how in waits.items():
                if how["condition"] == "service_healthy" and "test" not in found[other].get("healthcheck", {}):
                    yield f"{name} waits for the health of {other}, which has no check"
        if name in ("consumer", "serve"):
            program = "consumer" if name == "consumer" else "producer"
            if test != ["CMD", f"/usr/local/bin/{program}", "health"]:
                yield f"{name}: its health check is {test}"
            if service["environment"].get("METRICS_LISTEN") != "0.0.0.0:9090":
                yield f"{name} does not serve what its health check and Prometheus ask for"
            known = repository.settings()
            for setting in service["environment"]:
                if setting not in known:
                    yield f"{name}: no program reads {setting}"
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:") and name != "proxy":
                yield f"{name} publishes {port} to other machines"
            if name in ("consumer", "serve") and ":9090" in port:
                yield f"{name} publishes its metrics"
        mounts = [as_mount(volume) for volume in service.get("volumes", [])]
        for mount in mounts:
            source = re.sub(r"^\$\{\w+:-(.*?)\}", r"\1", mount["source"])
            if source.startswith("./") and not (COMPOSE.parent / source).exists():
                yield f"{name} mounts {source}, which is not there"
            if source != mount["source"] and mount.get("bind", {}).get("create_host_path") is not False:
                yield f"{name}: a folder would be made for a mistyped {mount['source']}"
        # A load that the settings say may name a mapping, and all of these read such a load.
        if name in ("consumer", "serve", "producer") and not any(it["target"] == "/app/deploy/mappings" for it in mounts):
            yield f"{name} does not see the mappings"


def as_mount(volume):
    """A volume in the long form, however it is written."""
    if isinstance(volume, dict):
        return volume
    source, target = re.fullmatch(r"(\$\{[^}]*\}|[^:]*):([^:]*)(?::ro)?", volume).groups()
    return {"source": source, "target": target}


def test_health_checks_ports_and_files_fit():
    assert list(problems_of(services())) == []


@pytest.mark.parametrize("change", [
    lambda it: it["serve"].pop("healthcheck"),
    lambda it: it["consumer"]["healthcheck"].update(test=["CMD", "curl", "localhost"]),
    lambda it: it["consumer"]["environment"].pop("METRICS_LISTEN"),
    lambda it: it["serve"]["environment"].update(METRIKS="1"),
    lambda it: it["grafana"].update(ports=["3000:3000"]),
    lambda it: it["consumer"].update(ports=["127.0.0.1:9090:9090"]),
    lambda it: it["prometheus"]["volumes"].append("./monitoring/gone.yaml:/x:ro"),
    lambda it: it["consumer"].pop("volumes"),
    lambda it: it["serve"]["volumes"].append("${LOADS:-./loads.toml}:/x:ro"),
])
def test_a_misfit_of_compose_is_seen(change):
    found = copy.deepcopy(services())
    change(found)
    assert list(problems_of(found)) != []


def test_prometheus_takes_its_configuration_and_asks_where_the_programs_answer(tmp_path):
    folder = ROOT / "deploy/monitoring"
    for file in ("alerts.yaml", "compose/prometheus.yaml"):
        (tmp_path / Path(file).name).write_text((folder / file).read_text())
    checked = run(PROMTOOL, "check", "config", str(tmp_path / "prometheus.yaml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr

    config = yaml.safe_load((folder / "compose/prometheus.yaml").read_text())
    (asked,) = [it for scrape in config["scrape_configs"] for it in scrape["dns_sd_configs"]]
    found = services()
    for name in asked["names"]:
        assert found[name]["environment"]["METRICS_LISTEN"].endswith(f":{asked['port']}"), name
    labels = {it["target_label"] for scrape in config["scrape_configs"] for it in scrape["relabel_configs"]}
    assert {"namespace", "pod"} <= labels

    (tmp_path / "prometheus.yaml").write_text("scrape_configs: [{job_nam: x}]\n")
    assert run(PROMTOOL, "check", "config", str(tmp_path / "prometheus.yaml")).returncode != 0


def test_grafana_finds_its_data_and_its_dashboard():
    found = services()["grafana"]
    mounted = dict(reversed(volume.removesuffix(":ro").split(":")) for volume in found["volumes"])
    for kind in ("datasources", "dashboards"):
        assert mounted[f"/etc/grafana/provisioning/{kind}/batch-sync.yaml"] == f"./monitoring/compose/{kind}.yaml"
    (provider,) = yaml.safe_load((ROOT / "deploy/monitoring/compose/dashboards.yaml").read_text())["providers"]
    (dashboard,) = [path for path in mounted if path.startswith(f"{provider['options']['path']}/")]
    assert mounted[dashboard] == "./monitoring/dashboard.json"
    assert found["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == dashboard
    (source,) = yaml.safe_load((ROOT / "deploy/monitoring/compose/datasources.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    # It lets everybody look and nobody change.
    assert found["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert found["environment"]["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


def test_the_dockerfile_has_no_bad_habit(tmp_path):
    hadolint = str(BIN / "hadolint")
    checked = run(hadolint, "--no-color", "deploy/Dockerfile")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM debian\nRUN cd /x && apt-get install curl\n")
    assert run(hadolint, str(broken)).returncode != 0


def problems_of_dockerfile(text):
    """What an orchestrator and compose need to know of the images."""
    stages = {name: body for name, body in re.findall(r"^FROM \S+ AS (\S+)$(.*?)(?=^FROM |\Z)", text, re.M | re.S)}
    for program, ports in (("producer", "3001 9090"), ("consumer", "9090")):
        stage = stages[program]
        if f'CMD ["/usr/local/bin/{program}", "health", "--live"]' not in stage:
            yield f"{program} has no health check of its own"
        if f"EXPOSE {ports}\n" not in stage:
            yield f"{program} does not say its ports"
        if f'ENTRYPOINT ["/usr/local/bin/{program}"]' not in stage:
            yield f"{program} is not what starts"
    for label in ("title", "description", "licenses", "version", "revision"):
        if f"org.opencontainers.image.{label}=" not in stages["base"]:
            yield f"there is no label {label}"


def test_the_images_say_what_they_are():
    assert list(problems_of_dockerfile((ROOT / "deploy/Dockerfile").read_text())) == []


@pytest.mark.parametrize("piece", ["EXPOSE 3001 9090\n", '"health", "--live"', "image.revision=", "ENTRYPOINT"])
def test_what_an_image_does_not_say_is_missed(piece):
    text = (ROOT / "deploy/Dockerfile").read_text()
    assert piece in text
    assert list(problems_of_dockerfile(text.replace(piece, ""))) != []


def test_what_the_project_s_page_reads_is_what_its_schema_says(tmp_path):
    """Workflows are linted by `make check`, which knows more of them than their schema."""
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    for schema, files in (
        ("vendor.github-workflows", (ROOT / ".github/workflows").glob("*.yml")),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
        ("vendor.github-issue-forms", [form for form in forms if form.name != "config.yml"]),
        ("vendor.github-issue-config", [form for form in forms if form.name == "config.yml"]),
    ):
        for file in files:
            checked = schema_check(schema, file)
            assert checked.returncode == 0, checked.stdout
        broken = tmp_path / "x.yml"
        broken.write_text("versionn: 2\nname: 1\njobs: []\nblank_issues_enabled: maybe\n")
        assert schema_check(schema, broken).returncode != 0, schema
