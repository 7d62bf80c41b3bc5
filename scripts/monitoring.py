"""What monitoring-check.sh does with HTTP and JSON: it asks Prometheus for alerts and the dashboard's queries, starts
runs at a server, and tells the simulator what is to go wrong."""

import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# A range query may have 11,000 points; a check of some minutes needs far fewer.
STEP_SECONDS = 2

# What Grafana puts in place of its variables: every deployment, and a range that has several scrapes.
VARIABLES = {"$__rate_interval": "20s", "$__interval": "5s", "$namespace": ".*"}


def scale(path, factor):
    """Prints the rules of `path` for a time that passes `factor` times as fast: each `for:` and `interval:`, each range
    `[…]` and `offset`, and each `(MINUTES * 60)` is divided by it. Nothing else is changed."""
    with open(path) as rules:
        text = rules.read()
    text = re.sub(r"(?<=\bfor: )\w+|(?<=\binterval: )\w+|(?<=\[)\d+[smhd](?=\])|(?<=\boffset )\w+",
                  lambda span: shorter(span[0], factor), text)
    text = re.sub(r"\((\d+) \* 60\)", lambda span: f"({int(span[1]) * 60 / factor:g})", text)
    sys.stdout.write(text)


def shorter(span, factor):
    number, unit = re.fullmatch(r"(\d+)([smhd])", span).groups()
    milliseconds = int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit] * 1000 / factor
    if milliseconds < 1000 or milliseconds != int(milliseconds):
        sys.exit(f"{span} is no whole number of milliseconds, or less than a scrape, when it is divided by {factor}")
    return f"{int(milliseconds)}ms"


def ask(url, body=None):
    """The answer to GET, or to POST of a JSON body."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def prometheus(url, path, **parameters):
    answer = json.loads(ask(f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
    return answer["data"]


def state_of(url, alert, labels):
    """`firing`, `pending` or `resolved`."""
    states = [found["state"] for found in prometheus(url, "alerts")["alerts"]
              if found["labels"]["alertname"] == alert
              and all(found["labels"].get(name) == value for name, value in labels.items())]
    return "firing" if "firing" in states else "pending" if "pending" in states else "resolved"


def expect(url, alert, state, seconds, *labels):
    """Waits until an alert is `firing`, or `resolved`."""
    labels = dict(label.split("=") for label in labels)
    begin = time.monotonic()
    while (now := state_of(url, alert, labels)) != state:
        if time.monotonic() - begin > float(seconds):
            others = sorted({f"{found['labels']['alertname']} {found['state']}"
                             for found in prometheus(url, "alerts")["alerts"]})
            sys.exit(f"{alert} is {now} after {seconds} s, not {state}; there are: {', '.join(others) or 'none'}")
        time.sleep(0.3)
    print(f"  {alert} is {state} after {time.monotonic() - begin:.0f} s", file=sys.stderr)


def silent(url, since, *but):
    """Fails when another alert than these has fired since then."""
    fired = {found["metric"]["alertname"] for found in fired_since(url, float(since))} - set(but)
    if fired:
        sys.exit(f"nothing was wrong, and there fired: {', '.join(sorted(fired))}")


def fired_since(url, since):
    return prometheus(url, "query_range", query='ALERTS{alertstate="firing"}', start=since, end=time.time(),
                      step=1)["result"]


def all_fired(url, since, *named):
    """Names all alerts that have fired; fails when one of these has not, or a rule could not be evaluated."""
    fired = {found["metric"]["alertname"] for found in fired_since(url, float(since))}
    broken = [rule["name"] + ": " + rule["lastError"] for group in prometheus(url, "rules")["groups"]
              for rule in group["rules"] if rule["health"] != "ok"]
    if broken:
        sys.exit("rules that cannot be evaluated: " + "; ".join(broken))
    if missing := set(named) - fired:
        sys.exit(f"did not fire: {', '.join(sorted(missing))}")
    print(f"  fired: {', '.join(sorted(fired))}", file=sys.stderr)


def queries(url, dashboard, since):
    """Asks every query of a dashboard for the time since then; fails when one is refused, or returns nothing."""
    with open(dashboard) as opened:
        panels = json.load(opened)["panels"]
    asked, empty = 0, []
    for panel in panels:
        for target in panel.get("targets", []):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            try:
                result = prometheus(url, "query_range", query=query, start=since, end=time.time(),
                                    step=STEP_SECONDS)["result"]
            except urllib.error.HTTPError as error:
                sys.exit(f"{panel['title']}: {query}: {error.read().decode()}")
            asked += 1
            # A quantile of nothing is a value, too: NaN.
            if all(value == "NaN" for series in result for _, value in series["values"]):
                empty.append(f"{panel['title']} ({target['refId']}): {query}")
    if empty or not asked:
        sys.exit(f"{len(empty)} of {asked} queries return nothing:\n  " + "\n  ".join(empty))
    print(f"  {asked} of {asked} queries return data", file=sys.stderr)


def post(url, body):
    """Prints the answer; one that is no success fails."""
    try:
        print(ask(url, body))
    except urllib.error.HTTPError as error:
        sys.exit(f"POST {url}: {error.code} {error.read().decode()}")


def get(url):
    """Prints the answer of any status."""
    try:
        sys.stdout.write(ask(url))
    except urllib.error.HTTPError as error:
        sys.stdout.write(error.read().decode())


def until(url, field, value, seconds):
    """Waits until a field of a JSON answer, named as a.b, has this value."""
    begin, now = time.monotonic(), None
    while time.monotonic() - begin < float(seconds):
        now = json.loads(ask(url))
        for name in field.split("."):
            now = now[name]
        if str(now) == value:
            return
        time.sleep(0.2)
    sys.exit(f"{url}: {field} is {now} after {seconds} s, not {value}")


COMMANDS = {"scale": lambda path, factor: scale(path, int(factor)), "expect": expect, "silent": silent,
            "all-fired": all_fired, "queries": queries, "post": post, "get": get, "until": until}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
