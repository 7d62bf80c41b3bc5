"""The chart, rendered with each of its ci/*-values.yaml; and each check, seen to fail."""

import copy
import json
import tarfile

import pytest
import yaml

import repository
import rules
from tools import CHART, HELM, KUBERNETES, PROMTOOL, ROOT, VALUES, invalid, objects_of, run, template

RENDERED = {}


def rendered(name):
    """The objects of ci/NAME-values.yaml, to change as you like."""
    if name not in RENDERED:
        RENDERED[name] = objects_of(template(CHART / f"ci/{name}-values.yaml"))
    return copy.deepcopy(RENDERED[name])


NAMES = [path.name.removesuffix("-values.yaml") for path in VALUES]


def one(objects, kind, ends=""):
    return next(it for it in objects if it["kind"] == kind and it["metadata"]["name"].endswith(ends))


def container(it):
    spec = it["spec"]
    if it["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return (spec.get("template") or it)["spec"]["containers"][0]


def variable(it, name):
    return next(of for of in container(it)["env"] if of["name"] == name)


# --- what holds -------------------------------------------------------------------


def test_there_are_the_five_ways_to_install_it():
    assert NAMES == ["default", "full", "keda", "schedules", "workload-identity"]


@pytest.mark.parametrize("name", NAMES)
def test_helm_finds_nothing_to_complain_of(name):
    linted = run(HELM, "lint", "--strict", str(CHART), "--values", str(CHART / f"ci/{name}-values.yaml"))
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", NAMES)
def test_kubernetes_takes_every_object(name, version):
    wrong = {rules.name(it): invalid(it, version) for it in rendered(name)}
    assert not {key: value for key, value in wrong.items() if value}


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_holds(name):
    assert rules.problems(rendered(name)) == []


def test_the_files_together_render_every_kind_of_object():
    kinds = {it["kind"] for name in NAMES for it in rendered(name)}
    assert kinds == {
        "ConfigMap", "CronJob", "Deployment", "Ingress", "NetworkPolicy", "Pod", "PodDisruptionBudget",
        "PodMonitor", "PrometheusRule", "ScaledObject", "Service", "ServiceAccount", "TriggerAuthentication",
    }


def test_the_schema_knows_the_settings_of_env_example_and_no_secret():
    schema = (CHART / "values.schema.json").read_text()
    assert schema == repository.with_settings(schema), "run scripts/deploy-check.sh --write"


def test_the_readme_has_the_table_of_values():
    readme = (CHART / "README.md").read_text()
    assert readme == repository.with_values(readme), "run scripts/deploy-check.sh --write"
    assert repository.values_without_words() == []


def test_a_packaged_chart_has_the_alerts_and_the_dashboard_of_deploy_monitoring(tmp_path):
    packaged = run(HELM, "package", str(CHART), "--destination", str(tmp_path))
    assert packaged.returncode == 0, packaged.stderr
    with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
        for file in ("alerts.yaml", "dashboard.json"):
            inside = archive.extractfile(f"batch-sync/files/{file}").read()
            assert inside == (repository.MONITORING / file).read_bytes(), file


def test_prometheus_takes_the_rules_and_their_runbook_is_where_the_values_say(tmp_path):
    rule = one(rendered("full"), "PrometheusRule")["spec"]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule))
    checked = run(PROMTOOL, "check", "rules", str(file))
    assert checked.returncode == 0, checked.stderr
    alerts = [it for group in rule["groups"] for it in group["rules"] if "alert" in it]
    assert {it["annotations"]["runbook_url"] for it in alerts} == {
        f"https://example.com/runbook#{it['alert'].lower()}" for it in alerts
    }

    rule["groups"][0]["rules"][0]["expr"] = "sum by ("
    file.write_text(yaml.safe_dump(rule))
    assert run(PROMTOOL, "check", "rules", str(file)).returncode != 0


@pytest.mark.parametrize("values, most", [
    # Ten calls; one consumer holds twelve batches of 1 MiB. Two, so that one may be away.
    ({}, 2),
    ({"SALESFORCE_CONCURRENCY_MAX": 25}, 3),
    ({"SALESFORCE_CONCURRENCY_MAX": "24"}, 2),
    ({"CONSUMER_CONCURRENCY": 4}, 3),
    # Batches of 4 MiB: three at once.
    ({"SALESFORCE_API": "bulk"}, 4),
    ({"SALESFORCE_API": "auto", "SALESFORCE_CONCURRENCY_MAX": 100}, 34),
    ({"BATCH_BYTES_MAX": 16777216}, 10),
])
def test_the_cap_comes_from_the_limit_of_the_org(values, most):
    scaling = {"enabled": True, "trigger": "api"}
    objects = objects_of(template(CHART / "ci/default-values.yaml", {"settings": values, "autoscaling": scaling}))
    assert one(objects, "ScaledObject")["spec"]["maxReplicaCount"] == most


def test_a_cap_of_your_own_counts():
    scaling = {"enabled": True, "trigger": "api", "maxReplicas": 9}
    objects = objects_of(template(CHART / "ci/default-values.yaml", {"autoscaling": scaling}))
    assert one(objects, "ScaledObject")["spec"]["maxReplicaCount"] == 9


def test_other_loads_are_other_pods():
    def annotations(text):
        objects = objects_of(template(CHART / "ci/full-values.yaml", {"loads": {"mappings": {"lead.sdl": text}}}))
        return [it["spec"]["template"]["metadata"]["annotations"] for it in objects if it["kind"] == "Deployment"]

    assert annotations("A=B\n") == annotations("A=B\n")
    for before, after in zip(annotations("A=B\n"), annotations("A=C\n"), strict=True):
        assert before["checksum/loads"] != after["checksum/loads"]


def test_a_mapping_arrives_as_it_was_written():
    text = "# {{ not a template }}\r\nName=LastName\n\tX=\"Y\"\n  "
    objects = objects_of(template(CHART / "ci/full-values.yaml", {"loads": {"mappings": {"lead.sdl": text}}}))
    assert one(objects, "ConfigMap", "-loads")["data"]["lead.sdl"] == text


def test_the_test_of_helm_reads_the_objects_of_the_loads():
    loads = "[loads.a]\nobject = \"Lead\"\n[loads.b]\n  object='ErpKey__c'\nexternal-id = \"X__c\"\n[loads.c]\nobject = \"Lead\"\n"
    objects = objects_of(template(CHART / "ci/default-values.yaml", {"loads": {"toml": loads}}))
    assert container(one(objects, "Pod"))["args"] == ["describe", "--out=/dev/null", "--object=Lead", "--object=ErpKey__c"]


def test_a_large_number_is_no_power_of_ten():
    objects = objects_of(template(CHART / "ci/default-values.yaml", {"settings": {"UPLOAD_BYTES_MAX": 5368709120}}))
    assert variable(one(objects, "Deployment", "-server"), "UPLOAD_BYTES_MAX")["value"] == "5368709120"


def test_a_schedule_has_what_it_is_given_and_the_one_beside_it_has_not():
    objects = rendered("schedules")
    given, other = pod(one(objects, "CronJob", "-nightly-leads")), pod(one(objects, "CronJob", "-daily"))
    assert {"name": "RUST_LOG", "value": "debug"} in given["containers"][0]["env"]
    assert {"name": "more", "mountPath": "/etc/more"} in given["containers"][0]["volumeMounts"]
    assert {"name": "more", "configMap": {"name": "more"}} in given["volumes"]
    assert (given["nodeSelector"], given["tolerations"]) == ({"kubernetes.io/os": "linux"}, [{"key": "loads", "operator": "Exists"}])
    assert "affinity" in given
    template = one(objects, "CronJob", "-nightly-leads")["spec"]["jobTemplate"]["spec"]["template"]
    assert template["metadata"]["annotations"] == {"example.com/team": "data"}
    for key in ("RUST_LOG", "more", "nodeSelector", "tolerations", "affinity"):
        assert key not in json.dumps(other)


def test_the_authorities_are_where_the_programs_look():
    for name, volume in {
        "full": {"configMap": {"name": "authorities", "items": [{"key": "bundle.pem", "path": "ca.crt"}]}},
        "workload-identity": {"secret": {"secretName": "authorities", "defaultMode": 0o440, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    }.items():
        for it in [it for it in rendered(name) if it["kind"] in ("Deployment", "CronJob", "Pod")]:
            assert {"name": "ca", **volume} in pod(it)["volumes"], name
            assert variable(it, "SSL_CERT_FILE")["value"] == "/etc/batch-sync/ca/ca.crt"
            assert {"name": "ca", "mountPath": "/etc/batch-sync/ca", "readOnly": True} in container(it)["volumeMounts"]
    assert "SSL_CERT" not in json.dumps(rendered("default"))


def test_two_releases_of_a_namespace_have_no_object_in_common():
    def names(release):
        objects = objects_of(template(CHART / "ci/full-values.yaml", {"schedules": {"a": {"schedule": "@daily", "file": "f"}}}, release=release))
        return {(it["kind"], it["metadata"]["name"]) for it in objects}

    long = "a" * 40
    for one_release, other in (("a", "b"), ("a", "a-server"), ("a", "a-consumer"), ("a", "a-pods"), (f"{long}-x", f"{long}-y")):
        assert not names(one_release) & names(other), (one_release, other)


@pytest.mark.parametrize("release", ["a.b", "1st", "a.b-server"])
def test_a_release_whose_name_no_service_may_have_is_refused(release):
    # Helm itself takes it.
    refused = template(CHART / "ci/default-values.yaml", release=release)
    assert refused.returncode != 0
    assert f'the release is called "{release}"' in refused.stderr, refused.stderr


def test_the_longest_name_of_a_release_gives_names_that_kubernetes_takes():
    objects = objects_of(template(CHART / "ci/default-values.yaml", release="a" * 53))
    for version in KUBERNETES:
        assert not [invalid(it, version) for it in objects if invalid(it, version)]
    assert all(len(it["metadata"]["name"]) <= 63 for it in objects)


@pytest.mark.parametrize("values", [
    *({"schedules": {"x": {"schedule": schedule, "file": "f"}}} for schedule in (
        "@daily", "@hourly", "@every 1h30m", "0 0 * * *", "*/15 2,14 1-7 * mon-fri", "5 4 ? JAN,jul 0", "00 08 01 12 6", "0/10 * * * *", " 0  0 * * * ")),
    *({"schedules": {"x": {"schedule": "@daily", "file": "f", "timeZone": zone}}} for zone in (
        "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+2", "UTC", "")),
    *({"settings": {"QUEUE_LEASE": lease}} for lease in ("", "1s", "30s", "9m 30s", "59m", "1h", "3600s")),
    *({"settings": {"QUEUE_NAME": name}} for name in ("", "orders", "Orders_2.eu-west", "x" * 64)),
    *({"settings": {"REDIS_AUTH": auth}} for auth in ("", "password", "entra")),
], ids=json.dumps)
def test_what_kubernetes_and_the_programs_take_is_taken(values):
    taken = template(CHART / "ci/default-values.yaml", values)
    assert taken.returncode == 0, taken.stderr


def paths(values, above=()):
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths(value, (*above, key))


@pytest.mark.parametrize("path", list(paths(repository.chart_values())), ids=".".join)
def test_a_null_is_taken_or_refused_with_a_sentence(path):
    """Helm takes away the value for which somebody writes null."""
    values = None
    for key in reversed(path):
        values = {key: values}
    done = template(CHART / "ci/full-values.yaml", values)
    if done.returncode == 0:
        assert not [invalid(it, KUBERNETES[0]) for it in objects_of(done) if invalid(it, KUBERNETES[0])]
    else:
        assert path[-1] in done.stderr
        for of_helm in ("nil pointer", "error calling", "wrong type"):
            assert of_helm not in done.stderr, done.stderr


def test_the_notes_say_with_whom_a_release_shares_its_queue():
    def notes(*more):
        installed = run(HELM, "install", "x", str(CHART), "--dry-run=client", "--values", str(CHART / "ci/default-values.yaml"), *more)
        assert installed.returncode == 0, installed.stderr
        return installed.stdout.partition("NOTES:")[2]

    assert 'Queue: "batch-sync" in the Redis of the Secret batch-sync.' in notes()
    assert 'Queue: "orders" in the Redis of the Secret other.' in notes("--set=settings.QUEUE_NAME=orders,secrets.existingSecret=other")
    assert "networkPolicy.extraEgress" not in notes()
    assert "networkPolicy.extraEgress" in notes("--set=proxy.https=http://proxy:3128")


# --- each refusal of values, seen ---------------------------------------------------

BROKEN_VALUES = {
    "an unknown value": ({"sevrer": {}}, "sevrer"),
    "an unknown value inside": ({"server": {"replicsa": 1}}, "replicsa"),
    "a setting that no program has": ({"settings": {"SALESFORCE_OBJEKT": "Lead"}}, "SALESFORCE_OBJEKT"),
    "a secret among the settings": ({"settings": {"SALESFORCE_CLIENT_SECRET": "hunter2"}}, "SALESFORCE_CLIENT_SECRET"),
    "Redis' URL among the settings": ({"settings": {"REDIS_URL": "redis://x"}}, "REDIS_URL"),
    "a setting that the chart sets itself": ({"settings": {"HTTP_LISTEN": "0.0.0.0:1"}}, "HTTP_LISTEN"),
    "a number that is none": ({"server": {"replicas": "two"}}, "replicas"),
    "a grace that is not in seconds": ({"settings": {"CONSUMER_SHUTDOWN_GRACE": "5m"}}, "CONSUMER_SHUTDOWN_GRACE"),
    "a port that is none": ({"networkPolicy": {"redisPorts": [{"port": 70000}]}}, "redisPorts/0/port"),
    "a schedule of four fields": ({"schedules": {"x": {"schedule": "0 0 * *", "file": "f"}}}, 'schedules.x.schedule is "0 0 * *"'),
    "a schedule with seconds": ({"schedules": {"x": {"schedule": "0 0 0 * * *", "file": "f"}}}, "schedules.x.schedule"),
    "a minute that is none": ({"schedules": {"x": {"schedule": "60 0 * * *", "file": "f"}}}, "schedules.x.schedule"),
    "an hour that is none": ({"schedules": {"x": {"schedule": "0 24 * * *", "file": "f"}}}, "schedules.x.schedule"),
    "a day that is none": ({"schedules": {"x": {"schedule": "0 0 0 * *", "file": "f"}}}, "schedules.x.schedule"),
    "a Sunday that Kubernetes does not know": ({"schedules": {"x": {"schedule": "0 0 * * 7", "file": "f"}}}, "0 is Sunday"),
    "a weekend that ends before it begins": ({"schedules": {"x": {"schedule": "0 0 * * sat-sun", "file": "f"}}}, "6-0 ends before"),
    "a step of nothing": ({"schedules": {"x": {"schedule": "*/0 * * * *", "file": "f"}}}, "schedules.x.schedule"),
    "words that are no time": ({"schedules": {"x": {"schedule": "every night", "file": "f"}}}, "schedules.x.schedule"),
    "a name of a time that there is not": ({"schedules": {"x": {"schedule": "@dayly", "file": "f"}}}, "schedules.x.schedule"),
    "a time zone in the schedule": ({"schedules": {"x": {"schedule": "TZ=UTC 0 0 * * *", "file": "f"}}}, "a time zone goes into timeZone"),
    "a time zone with a space": ({"schedules": {"x": {"schedule": "@daily", "file": "f", "timeZone": "Europe / Berlin"}}}, "schedules.x.timeZone"),
    "a time zone by its offset": ({"schedules": {"x": {"schedule": "@daily", "file": "f", "timeZone": "+02:00"}}}, "schedules.x.timeZone"),
    "the time zone of the machine": ({"schedules": {"x": {"schedule": "@daily", "file": "f", "timeZone": "Local"}}}, "which Kubernetes refuses"),
    "a schedule that is nothing": ({"schedules": {"x": None}}, "schedules/x"),
    "a queue that ends its hash tag": ({"settings": {"QUEUE_NAME": "a}b"}}, "settings/QUEUE_NAME"),
    "a queue whose name is a number": ({"settings": {"QUEUE_NAME": 2024}}, "settings/QUEUE_NAME"),
    "a queue with a long name": ({"settings": {"QUEUE_NAME": "x" * 65}}, "settings/QUEUE_NAME"),
    "a lease without a unit": ({"settings": {"QUEUE_LEASE": "30"}}, "settings/QUEUE_LEASE"),
    "a lease of nothing": ({"settings": {"QUEUE_LEASE": "0s"}}, "settings/QUEUE_LEASE"),
    "a lease of two hours": ({"settings": {"QUEUE_LEASE": "2h"}}, "settings/QUEUE_LEASE"),
    "a way to sign in that there is not": ({"settings": {"REDIS_AUTH": "token"}}, "settings/REDIS_AUTH"),
    "authorities in two places": ({"ca": {"configMap": "a", "secret": "b"}}, "ca.configMap and ca.secret"),
    "a proxy's password in the values": ({"proxy": {"https": "http://user:hunter2@proxy:3128"}}, "proxy/https"),
    "a schedule without a file": ({"schedules": {"x": {"schedule": "0 0 * * *"}}}, "file"),
    "no registry": ({"image": {"repository": ""}}, "image.repository"),
    "no Secret": ({"secrets": {"existingSecret": ""}}, "secrets.existingSecret"),
    "no Redis": ({"secrets": {"keys": {"REDIS_URL": ""}}}, "secrets.keys.REDIS_URL"),
    "no token": ({"secrets": {"keys": {"API_TOKEN": ""}}}, "secrets.keys.API_TOKEN"),
    "no org": ({"settings": {"SALESFORCE_LOGIN_URL": ""}}, "SALESFORCE_LOGIN_URL"),
    "no storage": ({"secrets": {"keys": {"AZURE_STORAGE_CONNECTION_STRING": ""}}}, "AZURE_STORAGE_ACCOUNT_URL"),
    "a server that is killed early": ({"settings": {"HTTP_SHUTDOWN_GRACE": "26s"}}, "server.terminationGracePeriodSeconds is 30"),
    "a consumer that is killed early": ({"consumer": {"terminationGracePeriodSeconds": 34}}, "it has to be 35 or more"),
    "an identity without an id": ({"workloadIdentity": {"enabled": True}}, "client-id"),
    "two sources of loads": ({"loads": {"toml": "[loads.x]", "existingConfigMap": "files"}}, "loads.existingConfigMap"),
    "nobody who wakes a held run": (
        {"server": {"replicas": 0}, "autoscaling": {"enabled": True, "redis": {"addresses": "r:1"}}}, "nobody would notice"),
    "less at most than at least": (
        {"autoscaling": {"enabled": True, "trigger": "api", "minReplicas": 3, "maxReplicas": 2}}, "is less than"),
    "an autoscaler that knows no Redis": ({"autoscaling": {"enabled": True}}, "autoscaling.redis.addresses"),
    "a Sentinel without a master": (
        {"autoscaling": {"enabled": True, "redis": {"kind": "sentinel", "addresses": "r:1"}}}, "sentinelMaster"),
    "an autoscaler that asks nobody": (
        {"server": {"replicas": 0}, "autoscaling": {"enabled": True, "trigger": "api", "minReplicas": 1}}, "no server to ask"),
    "an Ingress without a name": ({"ingress": {"enabled": True}}, "ingress.host"),
    "metrics that nobody may read": ({"metrics": {"podMonitor": {"enabled": True}}}, "networkPolicy.metricsFrom"),
    "a name that no CronJob may have": (
        {"schedules": {"x" * 50: {"schedule": "0 0 * * *", "file": "f"}}}, "52 characters"),
}
if "REDIS_AUTH" in repository.settings():
    BROKEN_VALUES["an autoscaler without a token for Redis"] = (
        {"settings": {"REDIS_AUTH": "entra"}, "autoscaling": {"enabled": True, "redis": {"addresses": "r:1"}}}, "trigger: api")


@pytest.mark.parametrize("values, message", BROKEN_VALUES.values(), ids=BROKEN_VALUES)
def test_values_are_refused(values, message):
    refused = template(CHART / "ci/default-values.yaml", values)
    assert refused.returncode != 0, "it was rendered"
    assert message in refused.stderr, refused.stderr


def test_lint_refuses_a_broken_template(tmp_path):
    run("cp", "-rL", str(CHART), str(tmp_path / "chart"))
    (tmp_path / "chart/templates/shared.yaml").write_text("kind: {{ .Values.nothing.at.all }}\n")
    linted = run(HELM, "lint", "--strict", str(tmp_path / "chart"), "--values", str(CHART / "ci/default-values.yaml"))
    assert linted.returncode != 0


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_refuses_what_it_does_not_know(version):
    for kind in ("Deployment", "CronJob", "NetworkPolicy", "PodDisruptionBudget", "Ingress", "Service"):
        it = one(rendered("full"), kind)
        it["spec"]["nonsense"] = 1
        assert "nonsense" in invalid(it, version), kind


def test_custom_resources_refuse_what_they_do_not_know():
    for kind, change in {
        "ScaledObject": lambda spec: spec.update(maxReplicaCount="many"),
        "TriggerAuthentication": lambda spec: spec.update(secretTargetRef="x"),
        "PodMonitor": lambda spec: spec.update(podMetricsEndpoints="metrics"),
        "PrometheusRule": lambda spec: spec["groups"][0].pop("name"),
    }.items():
        it = one(rendered("keda" if kind == "TriggerAuthentication" else "full"), kind)
        assert invalid(it, KUBERNETES[0]) == ""
        change(it["spec"])
        assert invalid(it, KUBERNETES[0]) != "", kind


# --- each rule, seen to fail -----------------------------------------------------------


def pod(it):
    spec = it["spec"]["jobTemplate"]["spec"] if it["kind"] == "CronJob" else it["spec"]
    return spec["template"]["spec"] if "template" in spec else spec


def server(objects):
    return one(objects, "Deployment", "-server")


def consumer(objects):
    return one(objects, "Deployment", "-consumer")


def drop(mapping, key):
    del mapping[key]


def rewrite(it, key, value):
    it[key] = value


RULES_BROKEN = [
    (rules.every_pod_passes_the_restricted_standard, "full", change) for change in [
        lambda it: drop(pod(server(it)), "securityContext"),
        lambda it: rewrite(pod(consumer(it))["securityContext"], "runAsUser", 0),
        lambda it: drop(pod(one(it, "CronJob"))["securityContext"], "seccompProfile"),
        lambda it: rewrite(pod(one(it, "Pod")), "hostNetwork", True),
        lambda it: pod(server(it))["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        lambda it: drop(container(consumer(it))["securityContext"], "capabilities"),
        lambda it: rewrite(container(consumer(it))["securityContext"]["capabilities"], "add", ["NET_RAW"]),
        lambda it: rewrite(container(server(it))["securityContext"], "allowPrivilegeEscalation", True),
        lambda it: rewrite(container(one(it, "CronJob"))["securityContext"], "readOnlyRootFilesystem", False),
        lambda it: rewrite(container(one(it, "Pod"))["securityContext"], "runAsUser", 0),
        lambda it: rewrite(container(server(it))["ports"][0], "hostPort", 3001),
    ]
] + [
    (rules.no_pod_has_a_token_for_the_cluster, "full", lambda it: drop(pod(server(it)), "automountServiceAccountToken")),
    (rules.no_pod_has_a_token_for_the_cluster, "full", lambda it: it.append({"kind": "Role", "metadata": {"name": "x"}})),
    (rules.a_pod_has_longer_to_stop_than_its_program_takes, "default", lambda it: rewrite(pod(server(it)), "terminationGracePeriodSeconds", 14)),
    (rules.a_pod_has_longer_to_stop_than_its_program_takes, "default", lambda it: rewrite(pod(consumer(it)), "terminationGracePeriodSeconds", 34)),
    (rules.a_pod_has_longer_to_stop_than_its_program_takes, "full", lambda it: rewrite(pod(consumer(it)), "terminationGracePeriodSeconds", 49)),
    (rules.every_variable_is_a_setting, "default", lambda it: container(consumer(it))["env"].append({"name": "QUEUE_DEPHT_HIGH", "value": "1"})),
    (rules.every_variable_is_a_setting, "default", lambda it: container(server(it))["env"].append({"name": "HTTP_LISTEN", "value": "x"})),
    (rules.no_secret_is_written_out, "default", lambda it: container(consumer(it))["env"].append({"name": "REDIS_URL", "value": "redis://:x@y"})),
    (rules.no_secret_is_written_out, "default", lambda it: it.append({"kind": "Secret", "metadata": {"name": "x"}})),
    (rules.no_secret_is_written_out, "full", lambda it: rewrite(one(it, "ConfigMap")["data"], "x", "API_TOKEN=hunter2")),
    (rules.each_program_gets_its_own_secrets, "default", lambda it: pod(consumer(it))["volumes"][0]["secret"]["items"].append({"key": "api-token", "path": "API_TOKEN"})),
    (rules.each_program_gets_its_own_secrets, "default", lambda it: pod(server(it))["volumes"][0]["secret"]["items"].pop()),
    (rules.each_program_gets_its_own_secrets, "default", lambda it: rewrite(pod(server(it))["volumes"][0]["secret"], "defaultMode", 0o444)),
    (rules.files_that_a_setting_names_are_mounted, "full", lambda it: container(server(it))["volumeMounts"].pop()),
    (rules.files_that_a_setting_names_are_mounted, "full", lambda it: rewrite(variable(consumer(it), "MAPPING_FILE"), "value", "/app/lead.sdl")),
    (rules.files_that_a_setting_names_are_mounted, "full", lambda it: rewrite(one(it, "ConfigMap", "-loads")["metadata"], "name", "x")),
    (rules.files_that_a_setting_names_are_mounted, "full", lambda it: pod(server(it))["volumes"].pop()),
    (rules.files_that_a_setting_names_are_mounted, "full", lambda it: rewrite(variable(one(it, "CronJob"), "SSL_CERT_FILE"), "value", "/etc/ca.crt")),
    (rules.all_programs_reach_others_in_the_same_way, "full", lambda it: container(one(it, "CronJob"))["env"].remove(variable(one(it, "CronJob"), "HTTPS_PROXY"))),
    (rules.all_programs_reach_others_in_the_same_way, "full", lambda it: one(it, "Pod")["spec"]["initContainers"][0]["env"].remove(variable(one(it, "Pod"), "NO_PROXY"))),
    (rules.all_programs_reach_others_in_the_same_way, "workload-identity", lambda it: [of["env"].remove(variable(at, "SSL_CERT_DIR")) for at in (server(it), consumer(it), one(it, "Pod")) for of in [container(at)]]),
    (rules.all_programs_reach_others_in_the_same_way, "workload-identity", lambda it: rewrite(next(of for of in pod(server(it))["volumes"] if of["name"] == "ca")["secret"]["items"][0], "path", "x.crt")),
    (rules.pods_start_anew_when_their_loads_change, "full", lambda it: drop(consumer(it)["spec"]["template"]["metadata"]["annotations"], "checksum/loads")),
    (rules.the_ingress_shows_the_page_and_the_api_and_nothing_else, "full", lambda it: one(it, "Ingress")["spec"]["rules"][0]["http"]["paths"].append({**one(it, "Ingress")["spec"]["rules"][0]["http"]["paths"][0], "path": "/metrics"})),
    (rules.the_ingress_shows_the_page_and_the_api_and_nothing_else, "full", lambda it: rewrite(one(it, "Ingress")["spec"]["rules"][0]["http"]["paths"][0], "path", "/")),
    (rules.the_ingress_shows_the_page_and_the_api_and_nothing_else, "full", lambda it: rewrite(one(it, "Ingress")["spec"]["rules"][0], "host", "")),
    (rules.the_ingress_shows_the_page_and_the_api_and_nothing_else, "full", lambda it: rewrite(one(it, "Ingress")["spec"], "defaultBackend", {})),
    (rules.probes_hit_what_is_there, "default", lambda it: rewrite(container(consumer(it))["livenessProbe"]["httpGet"], "path", "/healthz")),
    (rules.probes_hit_what_is_there, "default", lambda it: rewrite(container(server(it))["readinessProbe"]["httpGet"], "port", "http")),
    (rules.probes_hit_what_is_there, "default", lambda it: drop(container(server(it)), "livenessProbe")),
    (rules.probes_hit_what_is_there, "default", lambda it: rewrite(variable(consumer(it), "METRICS_LISTEN"), "value", "0.0.0.0:9091")),
    (rules.the_server_knows_the_names_by_which_it_is_called, "workload-identity", lambda it: rewrite(variable(server(it), "HTTP_ALLOWED_HOSTS"), "value", "batch-sync-server")),
    (rules.the_server_knows_the_names_by_which_it_is_called, "full", lambda it: rewrite(one(it, "Ingress")["spec"]["rules"][0], "host", "other.example.com")),
    (rules.selectors_find_their_pods, "full", lambda it: rewrite(one(it, "Service")["spec"], "selector", {"app.kubernetes.io/name": "batch-sync"})),
    (rules.selectors_find_their_pods, "full", lambda it: drop(one(it, "PodDisruptionBudget", "-consumer")["spec"]["selector"]["matchLabels"], "app.kubernetes.io/component")),
    (rules.selectors_find_their_pods, "full", lambda it: rewrite(one(it, "NetworkPolicy")["spec"]["podSelector"], "matchLabels", {"a": "b"})),
    (rules.selectors_find_their_pods, "full", lambda it: rewrite(one(it, "PodMonitor")["spec"]["selector"], "matchLabels", {"a": "b"})),
    (rules.selectors_find_their_pods, "full", lambda it: rewrite(server(it)["spec"]["template"]["metadata"], "labels", {"a": "b"})),
    (rules.metrics_are_for_those_who_may_read_them, "full", lambda it: drop(one(it, "NetworkPolicy")["spec"]["ingress"][0], "from")),
    (rules.metrics_are_for_those_who_may_read_them, "default", lambda it: one(it, "NetworkPolicy", "-server")["spec"]["ingress"].append({})),
    (rules.metrics_are_for_those_who_may_read_them, "full", lambda it: rewrite(one(it, "NetworkPolicy")["spec"], "policyTypes", ["Ingress"])),
    (rules.metrics_are_for_those_who_may_read_them, "full", lambda it: one(it, "NetworkPolicy")["spec"]["egress"].append({})),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "keda", lambda it: rewrite(consumer(it)["spec"], "replicas", 2)),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "default", lambda it: drop(consumer(it)["spec"], "replicas")),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "keda", lambda it: rewrite(one(it, "ScaledObject")["spec"], "maxReplicaCount", 50)),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "keda", lambda it: rewrite(one(it, "ScaledObject")["spec"]["triggers"][0]["metadata"], "listName", "{batch-sync}:to-do")),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "keda", lambda it: rewrite(one(it, "ScaledObject")["spec"]["fallback"], "replicas", 0)),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "keda", lambda it: rewrite(one(it, "ScaledObject")["spec"]["scaleTargetRef"], "name", "x")),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "workload-identity", lambda it: rewrite(one(it, "ScaledObject")["spec"]["triggers"][0]["metadata"], "valueLocation", "batches")),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "full", lambda it: one(it, "ScaledObject")["spec"]["triggers"][0]["metadata"].update(masterName="main")),
    (rules.the_autoscaler_counts_what_is_to_do_and_has_its_cap, "keda", lambda it: one(it, "TriggerAuthentication")["spec"]["secretTargetRef"].append({"parameter": "sentinelPassword", "name": "x", "key": "y"})),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: container(one(it, "CronJob"))["args"].remove("--run-id=$(JOB_NAME)")),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: container(one(it, "CronJob"))["args"].append("--forse")),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: rewrite(variable(one(it, "CronJob"), "JOB_NAME")["valueFrom"]["fieldRef"], "fieldPath", "metadata.name")),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: rewrite(one(it, "CronJob")["spec"], "concurrencyPolicy", "Allow")),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: rewrite(pod(one(it, "CronJob")), "restartPolicy", "OnFailure")),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: one(it, "CronJob")["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"].append(1)),
    (rules.a_schedule_goes_on_with_the_same_run, "schedules", lambda it: rewrite(one(it, "CronJob")["metadata"], "name", "x" * 53)),
    (rules.the_test_of_helm_signs_in_and_loads_nothing, "full", lambda it: container(one(it, "Pod"))["args"].append("x") or rewrite(container(one(it, "Pod")), "args", ["sync"])),
    (rules.the_test_of_helm_signs_in_and_loads_nothing, "full", lambda it: drop(one(it, "Pod")["spec"], "initContainers")),
    (rules.the_test_of_helm_signs_in_and_loads_nothing, "default", lambda it: rewrite(container(one(it, "Pod")), "args", ["check"])),
    (rules.the_test_of_helm_signs_in_and_loads_nothing, "default", lambda it: container(one(it, "Pod"))["args"].pop()),
    (rules.the_test_of_helm_signs_in_and_loads_nothing, "default", lambda it: container(one(it, "Pod"))["args"].append("--objekt=Lead")),
    (rules.the_test_of_helm_signs_in_and_loads_nothing, "default", lambda it: drop(one(it, "Pod")["metadata"]["annotations"], "helm.sh/hook")),
    (rules.memory_is_limited_and_processor_time_is_not, "full", lambda it: drop(container(one(it, "CronJob")), "resources")),
    (rules.memory_is_limited_and_processor_time_is_not, "full", lambda it: rewrite(container(consumer(it))["resources"]["limits"], "cpu", 1)),
    (rules.every_image_has_a_version, "default", lambda it: rewrite(container(consumer(it)), "image", "registry.example.com/batch-sync/consumer:latest")),
    (rules.every_image_has_a_version, "default", lambda it: rewrite(container(server(it)), "image", container(consumer(it))["image"])),
    (rules.nodes_can_be_drained, "default", lambda it: rewrite(one(it, "PodDisruptionBudget")["spec"], "maxUnavailable", 0)),
    (rules.nodes_can_be_drained, "default", lambda it: drop(one(it, "PodDisruptionBudget")["spec"], "unhealthyPodEvictionPolicy")),
    (rules.only_pods_that_sign_in_to_azure_have_its_identity, "full", lambda it: rewrite(consumer(it)["spec"]["template"]["metadata"]["labels"], "azure.workload.identity/use", "true")),
    (rules.only_pods_that_sign_in_to_azure_have_its_identity, "full", lambda it: drop(one(it, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"], "azure.workload.identity/use")),
    (rules.only_pods_that_sign_in_to_azure_have_its_identity, "full", lambda it: drop(pod(server(it)), "serviceAccountName")),
    (rules.alerts_and_dashboard_are_those_of_deploy_monitoring, "full", lambda it: one(it, "PrometheusRule")["spec"]["groups"].pop()),
    (rules.alerts_and_dashboard_are_those_of_deploy_monitoring, "full", lambda it: rewrite(one(it, "ConfigMap", "-dashboard")["data"], "batch-sync.json", "{}")),
    (rules.alerts_and_dashboard_are_those_of_deploy_monitoring, "full", lambda it: drop(one(it, "ConfigMap", "-dashboard")["metadata"]["labels"], "grafana_dashboard")),
]


@pytest.mark.parametrize("rule, name, change", RULES_BROKEN, ids=lambda it: getattr(it, "__name__", ""))
def test_a_rule_sees_what_breaks_it(rule, name, change):
    objects = rendered(name)
    assert list(rule(objects)) == []
    change(objects)
    assert list(rule(objects)) != []


def test_every_rule_is_seen_to_fail():
    assert {rule for rule, _, _ in RULES_BROKEN} == set(rules.RULES)


def test_a_setting_that_comes_is_missed_in_the_schema(monkeypatch):
    known = repository.settings()
    monkeypatch.setattr(repository, "settings", lambda: {**known, "NEW_SETTING": ""})
    schema = (CHART / "values.schema.json").read_text()
    assert "NEW_SETTING" in repository.with_settings(schema)
    assert schema != repository.with_settings(schema)


def test_a_value_without_words_is_missed(monkeypatch):
    monkeypatch.setattr(repository, "chart_values", lambda: {**yaml.safe_load((CHART / "values.yaml").read_text()), "more": {"inner": 1}})
    assert repository.values_without_words() == ["more.inner"]


def test_the_secrets_of_env_example_are_those_of_the_chart():
    keys = set(yaml.safe_load((CHART / "values.yaml").read_text())["secrets"]["keys"])
    assert keys - {"SALESFORCE_JWT_KEY"} == repository.secrets() | {"REDIS_SENTINEL_PASSWORD"}
    assert json.loads((CHART / "values.schema.json").read_text())["properties"]["secrets"]["properties"]["keys"]["properties"].keys() == keys


def test_documents_name_values_that_there_are():
    import re

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for document in ("docs/kubernetes.md", "deploy/chart/batch-sync/README.md"):
        for named in re.findall(r"`((?:%s)(?:\.[A-Za-z]+)+)`" % "|".join(values), (ROOT / document).read_text()):
            at = values
            for key in named.split("."):
                assert isinstance(at, dict), f"{document}: {named}"
                if at == {} or key.isupper():
                    break
                assert key in at, f"{document}: {named}"
                at = at[key]
