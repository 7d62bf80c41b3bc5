//! Alerts, dashboard and runbook of `deploy/monitoring` belong together. Whether the alerts fire, and the queries return
//! something, is for `make check-monitoring`, which has a Prometheus.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

const RULES: &str = "deploy/monitoring/alerts.yaml";
const SCENES: &str = "deploy/monitoring/alerts_test.yaml";
const DASHBOARD: &str = "deploy/monitoring/dashboard.json";

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

fn yaml(path: &str) -> Yaml {
    YamlLoader::load_from_str(&text(path)).unwrap().remove(0)
}

fn list(yaml: &Yaml) -> Vec<Yaml> {
    yaml.as_vec().unwrap().clone()
}

fn rules() -> Vec<Yaml> {
    list(&yaml(RULES)["groups"]).iter().flat_map(|group| list(&group["rules"])).collect()
}

/// The rules that are alerts, by name.
fn alerts() -> BTreeMap<String, Yaml> {
    let named = |rule: Yaml| Some((rule["alert"].as_str()?.to_owned(), rule));
    rules().into_iter().filter_map(named).collect()
}

/// The panels that show something.
fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().clone();
    panels.into_iter().filter(|panel| panel["type"] != "row").collect()
}

fn expressions(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().unwrap();
    targets.iter().map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_alert_has_its_entry_in_the_runbook_and_no_entry_is_left_over() {
    let runbook = text("docs/runbook.md");
    let mut entries: BTreeMap<&str, &str> = BTreeMap::new();
    for section in runbook.split("\n## ").skip(1) {
        let (name, entry) = section.split_once('\n').unwrap();
        assert!(entries.insert(name, entry).is_none(), "{name} is there twice");
    }

    let alerts = alerts();
    assert_eq!(
        alerts.keys().map(String::as_str).collect::<Vec<_>>(),
        entries.keys().copied().collect::<Vec<_>>()
    );
    for (name, alert) in alerts {
        let entry = entries[name.as_str()];
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        assert!(entry.trim_start().starts_with(&format!("**{severity}.** ")), "{name}: {severity}");
        for part in ["**Look", "**Do", "**Wake"] {
            // One entry may be read with another's.
            let is_there = entry.contains(part) || entry.contains("**Look** and **do**");
            assert!(is_there, "{name} has no {part}");
        }
        let annotations = &alert["annotations"];
        assert!(annotations["summary"].as_str().is_some(), "{name} has no summary");
        let url = format!("docs/runbook.md#{}", name.to_lowercase());
        assert_eq!(annotations["runbook_url"].as_str(), Some(url.as_str()));
    }
}

#[test]
fn each_alert_fires_in_one_scene_and_stays_silent_in_another() {
    let mut fires = BTreeSet::new();
    let mut is_silent = BTreeSet::new();
    // A scene may be one of recorded figures alone.
    let checks = |scene: &Yaml| scene["alert_rule_test"].as_vec().cloned().unwrap_or_default();
    for check in list(&yaml(SCENES)["tests"]).iter().flat_map(checks) {
        let name = check["alertname"].as_str().unwrap().to_owned();
        let expected = check["exp_alerts"].as_vec().unwrap();
        if expected.is_empty() {
            is_silent.insert(name)
        } else {
            fires.insert(name)
        };
    }

    let alerts: BTreeSet<String> = alerts().into_keys().collect();
    assert_eq!(fires, alerts);
    assert_eq!(is_silent, alerts);
}

#[test]
fn each_panel_is_explained_and_answers_a_question() {
    let guide = text("docs/monitoring.md");
    let questions = guide.split("## What an operator asks").nth(1).unwrap();
    let questions = questions.split("\n## ").next().unwrap();
    let mut places = BTreeSet::new();
    for panel in panels() {
        let (title, description) =
            (panel["title"].as_str().unwrap(), panel["description"].as_str().unwrap());
        assert!(description.ends_with('.'), "{title} is not explained: {description:?}");
        assert!(questions.contains(&format!("*{title}*")), "{title} answers no question");
        assert!(places.insert(panel["gridPos"].to_string()), "{title} lies on another panel");
        assert!(!expressions(&panel).is_empty(), "{title} shows nothing");
        for expression in expressions(&panel) {
            assert!(
                expression.contains("$namespace"),
                "{title} is of all deployments: {expression}"
            );
        }
    }
    let known: BTreeSet<String> =
        panels().iter().map(|panel| panel["title"].as_str().unwrap().to_owned()).collect();
    for line in questions.lines().filter(|line| line.ends_with('|')) {
        for title in line.split('*').skip(1).step_by(2) {
            assert!(
                known.contains(title),
                "docs/monitoring.md names a panel that is not there: {title}"
            );
        }
    }
}

/// Names of metrics that docs/metrics.md has, and the values of their labels.
fn exported() -> (BTreeSet<String>, BTreeMap<String, BTreeSet<String>>) {
    let mut names = BTreeSet::new();
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text("docs/metrics.md").lines() {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [name, kind, labels, ..] = cells.as_slice() else { continue };
        let name = name.trim_start_matches("| ").trim_matches('`').to_owned();
        match *kind {
            "histogram" => {
                names.extend(["_bucket", "_sum", "_count"].map(|part| name.clone() + part));
            }
            "counter" | "gauge" => _ = names.insert(name),
            _ => continue,
        }
        for label in labels.split("; ").filter(|label| !label.is_empty()) {
            let (label, listed) = label.split_once(": ").unwrap();
            let listed = listed.split(", ").map(ToOwned::to_owned);
            values.entry(label.trim_matches('`').to_owned()).or_default().extend(listed);
        }
    }
    (names, values)
}

/// What a query selects by: label and value, for each of the values that `=~` allows.
fn selected(query: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let braces = query.split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
    for matcher in braces.flat_map(|matchers| matchers.split("\",")) {
        let Some((label, values)) = matcher.split_once('=') else { continue };
        let values = values.trim_start_matches('~').trim_matches('"');
        let label = label.trim_end_matches('!').trim().to_owned();
        found.extend(values.split('|').map(|value| (label.clone(), value.to_owned())));
    }
    found
}

#[test]
fn rules_and_panels_ask_only_for_what_the_programs_export() {
    let (mut names, mut values) = exported();
    assert!(!names.is_empty(), "docs/metrics.md has no table");
    let mut queries: Vec<String> = panels().iter().flat_map(expressions).collect();
    for rule in rules() {
        queries.push(rule["expr"].as_str().unwrap().to_owned());
        let Some(recorded) = rule["record"].as_str() else { continue };
        names.insert(recorded.to_owned());
        for (label, value) in rule["labels"].as_hash().into_iter().flatten() {
            let value = value.as_str().unwrap().to_owned();
            values.entry(label.as_str().unwrap().to_owned()).or_default().insert(value);
        }
    }

    let of_prometheus = ["namespace", "job", "__name__", "alertname", "alertstate"];
    for query in queries {
        let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        // A name that ends so is the beginning of several.
        for name in words.filter(|word| word.starts_with("batch_sync") && !word.ends_with('_')) {
            assert!(names.contains(name), "nobody exports {name}: {query}");
        }
        for (label, value) in selected(&query) {
            let is_known = values.get(&label).is_some_and(|values| values.contains(&value));
            assert!(
                is_known || of_prometheus.contains(&label.as_str()),
                "no metric has {label}=\"{value}\": {query}"
            );
        }
    }
}
