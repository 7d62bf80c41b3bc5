"""What must hold for the objects of a rendered chart, beyond what their schemas say.

Each rule takes the objects and yields sentences about what is wrong. `test_chart.py` has an object for each
rule that breaks it, so that none of them can pass everything.
"""

import json
import re

import repository

RULES = []


def rule(function):
    RULES.append(function)
    return function


def problems(objects):
    return [f"{of.__name__}: {problem}" for of in RULES for problem in of(objects)]


# --- looking at objects ----------------------------------------------------------


def of_kind(objects, *kinds):
    return [it for it in objects if it["kind"] in kinds]


def name(it):
    return f"{it['kind']} {it['metadata']['name']}"


def pods(objects):
    """(owner, labels, spec, annotations) of each pod and pod template."""
    for it in objects:
        template = {
            "Pod": lambda: it,
            "Deployment": lambda: it["spec"]["template"],
            "CronJob": lambda: it["spec"]["jobTemplate"]["spec"]["template"],
        }.get(it["kind"])
        if template:
            metadata = template()["metadata"]
            yield it, metadata.get("labels", {}), template()["spec"], metadata.get("annotations") or {}


def containers(spec):
    return spec["containers"] + spec.get("initContainers", [])


def environment(container):
    return {it["name"]: it for it in container.get("env", [])}


def component(labels):
    return labels.get("app.kubernetes.io/component", "")


def selects(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def setting(container, setting_name):
    """A setting as the program in the container has it."""
    own = environment(container).get(setting_name, {}).get("value")
    return own or repository.settings()[setting_name]


# How programs get to others; none of our own settings.
OF_THE_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY")


# --- rules ------------------------------------------------------------------------


@rule
def every_pod_passes_the_restricted_standard(objects):
    for owner, _, spec, _ in pods(objects):
        pod = spec.get("securityContext", {})
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(key):
                yield f"{name(owner)} has {key}"
        for volume in spec.get("volumes", []):
            kinds = set(volume) - {"name"}
            if not kinds <= {"configMap", "secret", "projected", "emptyDir"}:
                yield f"{name(owner)} mounts {kinds}"
        if pod.get("runAsNonRoot") is not True or pod.get("runAsUser") != 65532:
            yield f"{name(owner)} may run as root"
        if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name(owner)} has no seccomp profile"
        for container in containers(spec):
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                yield f"{name(owner)}: {container['name']} may become more than it is"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{name(owner)}: {container['name']} may write to its image"
            if own.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{name(owner)}: {container['name']} has capabilities"
            if own.get("runAsUser", 65532) != 65532 or own.get("runAsNonRoot") is False:
                yield f"{name(owner)}: {container['name']} runs as somebody else"
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{name(owner)}: {container['name']} takes a port of the node"


@rule
def no_pod_has_a_token_for_the_cluster(objects):
    for owner, _, spec, _ in pods(objects):
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name(owner)} gets a token of Kubernetes"
    for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
        for it in of_kind(objects, kind):
            yield f"{name(it)} gives rights that no program needs"


@rule
def a_pod_has_longer_to_stop_than_its_program_takes(objects):
    needs = {"server": ("HTTP_SHUTDOWN_GRACE", 5), "consumer": ("CONSUMER_SHUTDOWN_GRACE", 10)}
    for owner, labels, spec, _ in pods(of_kind(objects, "Deployment")):
        setting_name, more = needs[component(labels)]
        grace = repository.seconds(setting(spec["containers"][0], setting_name)) + more
        if spec["terminationGracePeriodSeconds"] < grace:
            yield f"{name(owner)} is killed after {spec['terminationGracePeriodSeconds']} s, and needs {grace}"


@rule
def every_variable_is_a_setting(objects):
    known = repository.settings()
    files = {f"{it}_FILE" for it in repository.secrets()}
    # What people put there themselves, and what the schedules give themselves.
    others = {"JOB_NAME", "RUST_LOG", *OF_THE_NETWORK}
    for owner, _, spec, _ in pods(objects):
        for container in containers(spec):
            names = [it["name"] for it in container.get("env", [])]
            for variable in set(names) - set(known) - files - others:
                yield f"{name(owner)}: no program reads {variable}"
            for variable in {it for it in names if names.count(it) > 1}:
                yield f"{name(owner)}: {variable} is there twice"


@rule
def no_secret_is_written_out(objects):
    for it in of_kind(objects, "Secret"):
        yield f"{name(it)} is made by the chart"
    for owner, _, spec, _ in pods(objects):
        for container in containers(spec):
            for variable in set(environment(container)) & repository.secrets():
                yield f"{name(owner)}: {variable} is a variable, and not a file"
    for it in of_kind(objects, "ConfigMap"):
        for secret in repository.secrets():
            if secret in json.dumps(it.get("data", {})):
                yield f"{name(it)} has {secret}"


@rule
def each_program_gets_its_own_secrets(objects):
    others = {"consumer": {"API_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"}, "check": {"API_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"}, "schedule": {"API_TOKEN"}, "server": set()}
    for owner, labels, spec, _ in pods(objects):
        volume = next(it["secret"] for it in spec["volumes"] if "secret" in it)
        mounted = {item["path"] for item in volume["items"]}
        if volume["defaultMode"] != 0o440:
            yield f"{name(owner)}: its secrets are readable for others"
        for secret in mounted & others[component(labels)]:
            yield f"{name(owner)} gets {secret}, which it does not need"
        for container in containers(spec):
            paths = {at["name"]: at["mountPath"] for at in container["volumeMounts"]}
            there = {f"{paths['secrets']}/{item}" for item in mounted}
            named = {
                it["value"] for key, it in environment(container).items()
                if key.endswith("_FILE") and it.get("value", "").startswith(paths["secrets"])
            }
            if named != there:
                yield f"{name(owner)}: variables name {sorted(named)}, mounted are {sorted(there)}"
            if "REDIS_URL" not in mounted:
                yield f"{name(owner)} knows no Redis"


@rule
def files_that_a_setting_names_are_mounted(objects):
    for owner, _, spec, _ in pods(objects):
        volumes = {it["name"]: it for it in spec["volumes"]}
        for container in containers(spec):
            paths = [at["mountPath"] for at in container["volumeMounts"]]
            for key in ("LOADS_FILE", "MAPPING_FILE", "SSL_CERT_FILE"):
                value = environment(container).get(key, {}).get("value")
                if value and not any(value.startswith(f"{path}/") for path in paths):
                    yield f"{name(owner)}: {key} is {value}, and nothing is mounted there"
            for at in container["volumeMounts"]:
                if at["name"] not in volumes:
                    yield f"{name(owner)} mounts {at['name']}, which is no volume"
        for it in volumes.values():
            own = it.get("configMap", {}).get("name", "")
            made = {made["metadata"]["name"] for made in of_kind(objects, "ConfigMap")}
            if own.endswith("-loads") and own not in made:
                yield f"{name(owner)} mounts the ConfigMap {own}, which nobody makes"


@rule
def all_programs_reach_others_in_the_same_way(objects):
    """A consumer that trusts a proxy's certificate is of no use while the server beside it does not."""
    known = {}
    for owner, _, spec, _ in pods(objects):
        for container in containers(spec):
            own = environment(container)
            ways = {key: own[key].get("value") for key in OF_THE_NETWORK if key in own}
            known.setdefault(json.dumps(ways), f"{name(owner)}: {container['name']}")
            # SSL_CERT_FILE alone would take the place of the public authorities.
            if "SSL_CERT_FILE" in ways and ways.get("SSL_CERT_DIR") != "/etc/ssl/certs":
                yield f"{name(owner)}: {container['name']} trusts no public authority"
        for volume in spec["volumes"]:
            of = volume.get("configMap") or volume.get("secret")
            if volume["name"] == "ca" and [item["path"] for item in of["items"]] != ["ca.crt"]:
                yield f"{name(owner)}: there is no ca.crt where it is looked for"
    if len(known) > 1:
        yield f"these reach others in different ways: {known}"


@rule
def pods_start_anew_when_their_loads_change(objects):
    made = {it["metadata"]["name"] for it in of_kind(objects, "ConfigMap")}
    for owner, _, spec, annotations in pods(of_kind(objects, "Deployment")):
        mounted = {it.get("configMap", {}).get("name") for it in spec["volumes"]}
        if mounted & made and not any(key.startswith("checksum/") for key in annotations):
            yield f"{name(owner)} has no checksum of its loads"


@rule
def the_ingress_shows_the_page_and_the_api_and_nothing_else(objects):
    for it in of_kind(objects, "Ingress"):
        for host in it["spec"]["rules"]:
            paths = [path["path"] for path in host["http"]["paths"]]
            if paths != ["/batch-sync", "/api"]:
                yield f"{name(it)} leads to {paths}"
            if not host.get("host"):
                yield f"{name(it)} answers to any name"
            for path in host["http"]["paths"]:
                if path["backend"]["service"]["port"] != {"name": "http"}:
                    yield f"{name(it)} leads to another port"
        if "defaultBackend" in it["spec"]:
            yield f"{name(it)} leads everything to us"


@rule
def probes_hit_what_is_there(objects):
    for owner, _, spec, _ in pods(of_kind(objects, "Deployment")):
        for container in containers(spec):
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            listening = {
                int(environment(container)[key]["value"].rsplit(":", 1)[1])
                for key in ("HTTP_LISTEN", "METRICS_LISTEN") if key in environment(container)
            }
            if set(ports.values()) != listening:
                yield f"{name(owner)}: ports are {ports}, and it listens on {listening}"
            for kind, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
                probe = container.get(kind, {}).get("httpGet", {})
                if probe.get("path") != path or path not in repository.probe_paths():
                    yield f"{name(owner)}: {kind} asks for {probe.get('path')}"
                if ports.get(probe.get("port")) != 9090:
                    yield f"{name(owner)}: {kind} asks at {probe.get('port')}"


@rule
def the_server_knows_the_names_by_which_it_is_called(objects):
    for owner, labels, spec, _ in pods(of_kind(objects, "Deployment")):
        if component(labels) != "server":
            continue
        known = environment(spec["containers"][0])["HTTP_ALLOWED_HOSTS"]["value"].split(",")
        called = {host["host"] for it in of_kind(objects, "Ingress") for host in it["spec"]["rules"]}
        services = [it["metadata"]["name"] for it in of_kind(objects, "Service")]
        called |= set(services) | {f"{it}.test.svc.cluster.local" for it in services}
        for scaled in of_kind(objects, "ScaledObject"):
            for trigger in scaled["spec"]["triggers"]:
                called |= set(re.findall(r"^http://([^:/]+)", trigger["metadata"].get("url", "")))
        for host in called - set(known):
            yield f"{name(owner)} answers 403 to those who call it {host}"


@rule
def selectors_find_their_pods(objects):
    everybody = [(component(labels), labels) for _, labels, _, _ in pods(objects)]

    def found(selector):
        return sorted({of for of, labels in everybody if selects(selector, labels)})

    for it in objects:
        own = it["metadata"]["name"].rsplit("-", 1)[-1]
        spec = it.get("spec", {})
        if it["kind"] == "Deployment":
            wanted, selector = [own], spec["selector"]["matchLabels"]
        elif it["kind"] == "PodDisruptionBudget":
            wanted, selector = [own], spec["selector"]["matchLabels"]
        elif it["kind"] == "Service":
            wanted, selector = ["server"], spec["selector"]
        elif it["kind"] == "NetworkPolicy":
            wanted, selector = [own] if own == "server" else found({}), spec["podSelector"]["matchLabels"]
        elif it["kind"] == "PodMonitor":
            wanted, selector = found({}), spec["selector"]["matchLabels"]
        else:
            continue
        if found(selector) != wanted:
            yield f"{name(it)} selects {found(selector)}, and not {wanted}"


@rule
def metrics_are_for_those_who_may_read_them(objects):
    policies = of_kind(objects, "NetworkPolicy")
    if not policies:
        yield "there is no NetworkPolicy"
    for it in policies:
        for allowed in it["spec"].get("ingress") or []:
            ports = [port.get("port") for port in allowed.get("ports", [])]
            if not ports or 9090 in ports and not allowed.get("from"):
                yield f"{name(it)} lets everybody read the metrics"
    whole = [it for it in policies if set(it["spec"]["policyTypes"]) == {"Ingress", "Egress"}]
    if not whole:
        yield "nothing limits what the pods may reach"
    for it in whole:
        for allowed in it["spec"]["egress"]:
            if not allowed.get("ports"):
                yield f"{name(it)} lets the pods reach any port"


TRIGGERS = {
    "redis": {"address", "listName", "listLength", "enableTLS"},
    "redis-cluster": {"addresses", "listName", "listLength", "enableTLS"},
    "redis-sentinel": {"addresses", "sentinelMaster", "listName", "listLength", "enableTLS"},
    "metrics-api": {"url", "valueLocation", "targetValue", "authMode"},
}
SECRETS_OF_TRIGGERS = {
    "redis": {"username", "password"},
    "redis-cluster": {"username", "password"},
    "redis-sentinel": {"username", "password", "sentinelPassword"},
    "metrics-api": {"token"},
}


@rule
def the_autoscaler_counts_what_is_to_do_and_has_its_cap(objects):
    deployments = {it["metadata"]["name"]: it for it in of_kind(objects, "Deployment")}
    scaled = of_kind(objects, "ScaledObject")
    for deployment_name, it in deployments.items():
        has = "replicas" in it["spec"]
        is_scaled = any(deployment_name == of["spec"]["scaleTargetRef"]["name"] for of in scaled)
        if has == is_scaled:
            yield f"{name(it)}: replicas {'are there' if has else 'are missing'}"
    for it in scaled:
        spec = it["spec"]
        target = deployments.get(spec["scaleTargetRef"]["name"])
        if target is None:
            yield f"{name(it)} scales nothing"
            continue
        container = target["spec"]["template"]["spec"]["containers"][0]
        most = max_consumers(container)
        if not spec["minReplicaCount"] <= spec["maxReplicaCount"] <= max(most, spec["minReplicaCount"]):
            yield f"{name(it)}: {spec['maxReplicaCount']} consumers, of which {most} are of use"
        if spec["fallback"]["replicas"] < 1:
            yield f"{name(it)}: nobody delivers while KEDA cannot ask"
        given = {
            secret["parameter"] for auth in of_kind(objects, "TriggerAuthentication")
            for secret in auth["spec"]["secretTargetRef"]
        }
        for trigger in spec["triggers"]:
            metadata = trigger["metadata"]
            for unknown in given - SECRETS_OF_TRIGGERS[trigger["type"]]:
                yield f"{name(it)}: KEDA's {trigger['type']} has no secret {unknown}"
            # No schema knows these: KEDA takes any, and ignores what it does not know.
            for unknown in set(metadata) - TRIGGERS.get(trigger["type"], set()):
                yield f"{name(it)}: KEDA's {trigger['type']} has no {unknown}"
            if trigger["type"] == "metrics-api":
                schema = json.loads(repository.text("crates/producer/src/server/routes/openapi.json"))
                if metadata["valueLocation"] not in schema["components"]["schemas"]["Queue"]["properties"]:
                    yield f"{name(it)}: /api/queue has no {metadata['valueLocation']}"
            else:
                key = f"{{{setting(container, 'QUEUE_NAME')}}}:to-do"
                if metadata["listName"] != key:
                    yield f"{name(it)} counts {metadata['listName']}, and not {key}"
                if "P .. ':to-do'" not in repository.text("crates/job-queue/src/lua/queue/depth.lua"):
                    yield "job-queue has no list of what is to do any more"


def max_consumers(container):
    """How many consumers make calls at once, when each has as many as 12 MiB of full batches."""
    own = environment(container)
    mounts = {at["name"] for at in container["volumeMounts"]}
    is_large = "loads" in mounts or setting(container, "SALESFORCE_API") != "collections"
    batch = int(own.get("BATCH_BYTES_MAX", {}).get("value") or ((4 if is_large else 1) << 20))
    calls = min(int(setting(container, "CONSUMER_CONCURRENCY")), max(1, (12 << 20) // batch))
    limit = int(setting(container, "SALESFORCE_CONCURRENCY_MAX"))
    return max(2, -(-limit // calls))


@rule
def a_schedule_goes_on_with_the_same_run(objects):
    for it in of_kind(objects, "CronJob"):
        job = it["spec"]["jobTemplate"]["spec"]
        pod = job["template"]["spec"]
        container = pod["containers"][0]
        args = container["args"]
        if args[0] != "sync" or "--run-id=$(JOB_NAME)" not in args:
            yield f"{name(it)} starts a new run with each pod"
        for unknown in {arg.split("=")[0] for arg in args[1:]} - repository.flags("sync"):
            yield f"{name(it)}: producer sync has no {unknown}"
        source = environment(container)["JOB_NAME"].get("valueFrom", {})
        if source.get("fieldRef", {}).get("fieldPath") != "metadata.labels['batch.kubernetes.io/job-name']":
            yield f"{name(it)}: JOB_NAME is not the name of the Job"
        if it["spec"]["concurrencyPolicy"] != "Forbid":
            yield f"{name(it)} may run twice at once"
        if pod["restartPolicy"] != "Never" or job["backoffLimit"] < 1:
            yield f"{name(it)} is not tried again"
        ends = [of for of in job["podFailurePolicy"]["rules"] if of["action"] == "FailJob"]
        codes = [of["onExitCodes"] for of in ends if "onExitCodes" in of]
        if [(of["containerName"], of["operator"], of["values"]) for of in codes] != [(container["name"], "In", [2, 3])]:
            yield f"{name(it)}: the wrong exit codes end it"
        if len(it["metadata"]["name"]) > 52:
            yield f"{name(it)}: its name is too long"


@rule
def the_test_of_helm_signs_in_and_loads_nothing(objects):
    for it in of_kind(objects, "Pod"):
        if it["metadata"]["annotations"].get("helm.sh/hook") != "test":
            yield f"{name(it)} is no test"
        (container,) = it["spec"]["containers"]
        has_default = "SALESFORCE_OBJECT" in environment(container)
        # `consumer check` refuses to check what there is not.
        if (container["name"], container["args"][0]) != (("check",) * 2 if has_default else ("describe",) * 2):
            yield f"{name(it)} runs {container['args']}"
        if not has_default:
            of = [arg.removeprefix("--object=") for arg in container["args"] if arg.startswith("--object=")]
            loads = [made["data"].get("loads.toml", "") for made in of_kind(objects, "ConfigMap") if "data" in made]
            wanted = re.findall(r'^object = "(\w+)"', "".join(loads), re.M) or ["Account"]
            if of != list(dict.fromkeys(wanted)):
                yield f"{name(it)} reads {of}, and not {wanted}"
            for unknown in {arg.split("=")[0] for arg in container["args"][1:]} - repository.flags("describe"):
                yield f"{name(it)}: producer describe has no {unknown}"
        with_loads = "LOADS_FILE" in environment(container)
        first = [of["args"] for of in it["spec"].get("initContainers", [])]
        if first != ([["loads"]] if with_loads else []):
            yield f"{name(it)} checks its loads by {first}"


@rule
def memory_is_limited_and_processor_time_is_not(objects):
    for owner, _, spec, _ in pods(objects):
        for container in containers(spec):
            resources = container.get("resources", {})
            if "memory" not in resources.get("limits", {}) or "cpu" in resources.get("limits", {}):
                yield f"{name(owner)}: limits are {resources.get('limits')}"
            if set(resources.get("requests", {})) != {"cpu", "memory"}:
                yield f"{name(owner)}: requests are {resources.get('requests')}"


@rule
def every_image_has_a_version(objects):
    for owner, _, spec, _ in pods(objects):
        for container in containers(spec):
            image = container["image"]
            program = "consumer" if container["name"] in ("consumer", "check") else "producer"
            if not re.search(rf"/{program}(:\d[\w.-]*|@sha256:[0-9a-f]{{64}})$", image):
                yield f"{name(owner)} runs {image}"


@rule
def nodes_can_be_drained(objects):
    for it in of_kind(objects, "PodDisruptionBudget"):
        if "minAvailable" in it["spec"] or it["spec"]["maxUnavailable"] in (0, "0%"):
            yield f"{name(it)} may keep a node from being drained"
        if it["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{name(it)} keeps pods that are not ready"


@rule
def only_pods_that_sign_in_to_azure_have_its_identity(objects):
    accounts = of_kind(objects, "ServiceAccount")
    wanted = any("azure.workload.identity/client-id" in (it["metadata"].get("annotations") or {}) for it in accounts)
    for owner, labels, spec, _ in pods(objects):
        has = labels.get("azure.workload.identity/use") == "true"
        redis = environment(spec["containers"][0]).get("REDIS_AUTH", {}).get("value") == "entra"
        needs = wanted and (redis or component(labels) in ("server", "schedule"))
        if has != needs:
            yield f"{name(owner)} {'has' if has else 'has no'} identity of Azure"
        if spec.get("serviceAccountName") != accounts[0]["metadata"]["name"]:
            yield f"{name(owner)} has another ServiceAccount"


@rule
def alerts_and_dashboard_are_those_of_deploy_monitoring(objects):
    import yaml

    def without_runbook(groups):
        groups = json.loads(json.dumps(groups))
        for of in [it for group in groups for it in group["rules"]]:
            url = of.get("annotations", {}).pop("runbook_url", None)
            if url is not None and "#" not in url:
                yield f"{of['alert']}: its runbook is {url}"
        yield groups

    for it in of_kind(objects, "PrometheusRule"):
        file = yaml.safe_load((repository.MONITORING / "alerts.yaml").read_text())
        *wrong, own = without_runbook(it["spec"]["groups"])
        yield from wrong
        if own != list(without_runbook(file["groups"]))[-1]:
            yield f"{name(it)} has other rules than deploy/monitoring/alerts.yaml"
    for it in of_kind(objects, "ConfigMap"):
        if it["metadata"]["name"].endswith("-dashboard"):
            if it["data"]["batch-sync.json"] != (repository.MONITORING / "dashboard.json").read_text():
                yield f"{name(it)} is another dashboard than deploy/monitoring/dashboard.json"
            if not it["metadata"]["labels"].get("grafana_dashboard"):
                yield f"{name(it)} is found by no Grafana"
