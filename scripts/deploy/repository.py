"""What the repository says that a chart has to agree with: settings, routes, commands, keys in Redis."""

import functools
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/chart/batch-sync"
MONITORING = ROOT / "deploy/monitoring"

# The chart sets these itself, or by a value of its own.
OF_THE_CHART = {"HTTP_LISTEN", "HTTP_ALLOWED_HOSTS", "METRICS_LISTEN", "LOADS_FILE", "SALESFORCE_JWT_KEY_FILE"}


def text(path):
    return (ROOT / path).read_text()


def settings():
    """The settings of .env.example, by name, with their defaults."""
    lines = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$", text(".env.example"), re.M)
    return {name: default.strip("'") for name, default in lines}


@functools.cache
def secrets():
    """The settings that no `--help` shows the value of."""
    arguments = [
        argument for path in sorted((ROOT / "crates").glob("*/src/**/*.rs"))
        for argument in re.findall(r"#\[arg\(.*?\)\]", path.read_text(), re.S)
    ]
    hidden = {re.search(r'env = "(\w+)"', it) for it in arguments if "hide_env_values" in it}
    return {match[1] for match in hidden if match} & set(settings())


def plain_settings():
    """What may stand in the chart's `settings`."""
    names = {name for name in settings() if not name.startswith("SIMULATOR_")}
    return sorted(names - secrets() - OF_THE_CHART)


def seconds(duration):
    """`25s`, `1m`, as .env.example and the chart write them."""
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()
    return int(number) * (60 if unit == "m" else 1)


def probe_paths():
    """The paths that the programs serve without a token, of both programs."""
    of = [set(re.findall(r'\.route\(\s*"(/[a-z]+)"', text(path))) for path in (
        "crates/producer/src/server/router.rs", "crates/consumer/src/metrics.rs")]
    return of[0] & of[1]


def flags(command):
    """The flags of a command of the producer, from the snapshot of its help."""
    help_text = text(f"crates/producer/tests/cli/snapshots/cli__help__help-{command}.snap")
    return set(re.findall(r"--[a-z][a-z-]*", help_text))


def chart_values():
    import yaml

    return yaml.safe_load((CHART / "values.yaml").read_text())


def with_settings(schema):
    """The schema with the settings of .env.example, and with what no template can do without."""
    changed = json.loads(schema)
    changed["properties"]["settings"]["propertyNames"]["enum"] = plain_settings()
    require_defaults(changed, chart_values())
    return json.dumps(changed, indent=2) + "\n"


# Of these maps people may take a key away: no limit, a secret that is not used.
WITHOUT_DUTIES = {"settings", "keys", "resources", "scheduleResources", "labels"}


def require_defaults(schema, defaults):
    """Whoever writes `null` takes a default away. That may be where it is empty, or where people say all themselves."""
    for key, value in defaults.items():
        if isinstance(value, dict) and value and key not in WITHOUT_DUTIES:
            require_defaults(schema["properties"][key], value)
    schema["required"] = [key for key, value in defaults.items() if value not in ("", [], {})]


BEGIN, END = "<!-- values -->\n", "<!-- end of values -->\n"


def with_values(readme):
    """The README of the chart with the table of values.yaml."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + values_table() + END + after


def values_table():
    """A row for each value below a line `# -- what it is`."""
    rows, path, told = [], [], None
    defaults = chart_values()
    for line in (CHART / "values.yaml").read_text().splitlines():
        if match := re.fullmatch(r"\s*# -- (.*)", line):
            told = match[1]
            continue
        match = re.match(r"( *)([A-Za-z]+):", line)
        if not match or line.lstrip().startswith("#"):
            continue
        depth = len(match[1]) // 2
        path = path[:depth] + [match[2]]
        if told:
            value = defaults
            for key in path:
                value = value[key]
            shown = "" if value in ("", {}, []) else f"`{json.dumps(value)}`"
            rows.append(f"| `{'.'.join(path)}` | {shown} | {told} |\n")
            told = None
    return "| value | default | |\n|---|---|---|\n" + "".join(rows)


def values_without_words():
    """Values that no line `# --` tells of, themselves or what they belong to."""
    told = set(re.findall(r"^\| `([A-Za-z.]+)` \|", values_table(), re.M))

    def of(value, path):
        if ".".join(path) in told:
            return
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from of(inner, path + [key])
        else:
            yield ".".join(path)

    # Of the settings one has a default; they are told of as a whole.
    return list(of(chart_values(), []))
