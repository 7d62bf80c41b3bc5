//! Which crate may use which.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Which of our crates a crate may use. Arrows point down.
const MAY_USE: &[(&str, &[&str])] = &[
    ("ingest-core", &[]),
    ("service", &["ingest-core", "tls"]),
    ("tls", &[]),
    ("allocator", &[]),
    ("entra", &["tls"]),
    ("blob-store", &["entra", "tls"]),
    ("job-queue", &["entra", "ingest-core", "load", "tls"]),
    ("producer", &["ingest-core", "blob-store", "job-queue", "load", "salesforce", "service"]),
    ("load", &["ingest-core"]),
    ("salesforce", &["ingest-core", "service", "tls"]),
    ("consumer", &["allocator", "ingest-core", "job-queue", "load", "salesforce", "service"]),
    ("generate-upload", &["blob-store", "service"]),
    // Shares nothing with the client: two readings of Salesforce's documents
    // disagree loudly, one shared type agrees with itself.
    ("salesforce-simulator", &["service"]),
    // The demonstration runs the simulator.
    (
        "batch-sync",
        &[
            "allocator",
            "ingest-core",
            "producer",
            "consumer",
            "generate-upload",
            "salesforce",
            "salesforce-simulator",
            "service",
        ],
    ),
    ("test-support", &["ingest-core", "job-queue", "load"]),
    ("end-to-end", &[]),
];

/// What only tests use, and what only they may use besides.
const FOR_TESTS: &[&str] = &["test-support", "salesforce-simulator", "tls"];

/// Crates of others that only some of ours may use, tests not counted.
const OWNED_BY: &[(&str, &[&str])] = &[
    ("azure_core", &["blob-store", "entra", "test-support"]),
    ("azure_identity", &["entra"]),
    ("azure_storage_blob", &["blob-store"]),
    ("redis", &["job-queue"]),
    ("apalis-redis", &["job-queue"]),
    ("apalis-core", &["job-queue", "consumer"]),
    ("apalis", &["consumer", "producer"]),
    ("reqwest", &["salesforce", "blob-store", "entra"]),
    // What judges the decoder shares nothing with it.
    ("csv", &["batch-sync", "consumer", "load", "generate-upload", "salesforce-simulator"]),
    ("csv-core", &["producer"]),
    ("toml", &["load"]),
    ("globset", &["load"]),
    ("ratatui", &["producer"]),
    ("roxmltree", &["producer"]),
    ("crossterm", &["producer"]),
    ("axum", &["consumer", "producer", "salesforce-simulator", "service"]),
    ("hyper", &["service"]),
    ("hyper-util", &["service", "tls"]),
    ("rustix", &["service"]),
    ("pem", &["salesforce", "salesforce-simulator"]),
    ("ring", &["salesforce", "salesforce-simulator"]),
    ("rustls", &["tls"]),
    ("tikv-jemallocator", &["allocator"]),
    ("tikv-jemalloc-ctl", &["allocator"]),
    ("tracing-subscriber", &["service"]),
    ("opentelemetry", &["service"]),
    ("opentelemetry-otlp", &["service"]),
    ("opentelemetry_sdk", &["service"]),
    ("clap_complete", &["service"]),
    ("clap_mangen", &["service"]),
];

/// (user, used, in tests only) for every dependency of our crates.
fn dependencies() -> Vec<(String, String, bool)> {
    let metadata: Metadata =
        MetadataCommand::new().no_deps().other_options(["--offline".to_owned()]).exec().unwrap();
    let of_package = |package: cargo_metadata::Package| {
        let user = package.name.to_string();
        let uses = package.dependencies.into_iter().map(move |dependency| {
            let in_tests = dependency.kind == DependencyKind::Development;
            (user.clone(), dependency.name, in_tests)
        });
        uses.collect::<Vec<_>>()
    };
    metadata.packages.into_iter().flat_map(of_package).collect()
}

#[test]
fn every_crate_says_what_it_may_use_and_uses_nothing_else() {
    let ours: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    let folders: BTreeSet<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders.iter().map(String::as_str).collect::<BTreeSet<_>>(), ours);

    for (user, used, in_tests) in dependencies() {
        let (_, allowed) = MAY_USE.iter().find(|(name, _)| *name == user).unwrap();
        let is_ours = ours.contains(used.as_str());
        let for_tests = in_tests && (FOR_TESTS.contains(&used.as_str()) || user == "end-to-end");
        assert!(
            !is_ours || allowed.contains(&used.as_str()) || for_tests,
            "`{user}` may not use `{used}`"
        );
    }
}

#[test]
fn an_outside_system_is_known_to_its_owner_only() {
    for (user, used, in_tests) in dependencies() {
        let owners = OWNED_BY.iter().find(|(name, _)| *name == used).map(|(_, owners)| *owners);
        assert!(
            in_tests || owners.is_none_or(|owners| owners.contains(&user.as_str())),
            "`{used}` belongs to {owners:?}, not to `{user}`"
        );
    }
}
