//! What stands around the programs: containers, scripts that install things, CI.
#![allow(clippy::unwrap_used, reason = "a test may crash")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::CommandFactory;
use tempfile::TempDir;
use test_support::free_port;
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The services of compose.yaml, by name.
fn services() -> BTreeMap<String, Yaml> {
    let compose = YamlLoader::load_from_str(&text("deploy/compose.yaml")).unwrap().remove(0);
    let services = compose["services"].as_hash().unwrap();
    services
        .iter()
        .map(|(name, service)| (name.as_str().unwrap().into(), merged(service)))
        .collect()
}

/// A mapping with what it takes over from others by `<<`.
fn merged(mapping: &Yaml) -> Yaml {
    let mut own = mapping.as_hash().unwrap().clone();
    let taken_over = own.remove(&Yaml::String("<<".into()));
    let others = taken_over.iter().flat_map(|other| merged(other).into_hash().unwrap());
    for (key, value) in others {
        own.entry(key).or_insert(value);
    }
    Yaml::Hash(own)
}

/// The environment of a service, without what comes from a file.
fn environment(service: &Yaml) -> BTreeMap<String, String> {
    if service["environment"].is_badvalue() {
        return BTreeMap::new();
    }
    let environment = merged(&service["environment"]).into_hash().unwrap();
    let pair = |(name, value): (&Yaml, &Yaml)| {
        (name.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned())
    };
    environment.iter().map(pair).collect()
}

#[test]
fn every_container_is_hardened_alike() {
    for (name, service) in services() {
        let strings = |key: &str| -> Vec<String> {
            let list = service[key].as_vec().cloned().unwrap_or_default();
            list.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(service["read_only"].as_bool(), Some(true), "{name}");
        assert_eq!(strings("cap_drop"), ["ALL"], "{name}");
        assert_eq!(strings("security_opt"), ["no-new-privileges:true"], "{name}");
        assert!(service["pids_limit"].as_i64().is_some_and(|pids| pids > 0), "{name}");
        assert!(service["mem_limit"].as_str().is_some(), "{name}");
        let user = service["user"].as_str().unwrap_or_default();
        assert!(!user.is_empty() && !user.starts_with('0') && user != "root", "{name}: {user:?}");
        for key in ["privileged", "cap_add", "network_mode", "pid", "devices"] {
            assert!(service[key].is_badvalue(), "{name} has {key}");
        }
    }
}

#[test]
fn every_image_is_named_by_its_digest() {
    let services = services();
    let images = services.values().filter_map(|service| service["image"].as_str());
    let dockerfile = text("deploy/Dockerfile");
    let lines = || dockerfile.lines().filter_map(|line| line.strip_prefix("FROM "));
    let stages: BTreeSet<&str> =
        lines().filter_map(|line| Some(line.split_once(" AS ")?.1)).collect();
    let froms = lines().map(|line| line.split(' ').next().unwrap());
    let images: Vec<&str> = images.chain(froms.filter(|image| !stages.contains(image))).collect();

    assert_eq!(images.len(), 7, "{images:?}");
    for image in images {
        let (_, digest) = image.split_once("@sha256:").unwrap_or_default();
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_digest, "{image} is whatever its tag means today");
    }
    // A frontend would be one more image.
    assert!(!dockerfile.contains("syntax="));
}

/// The names of a program's secrets.
fn secrets<C: CommandFactory>() -> BTreeSet<String> {
    fn of(command: &clap::Command, names: &mut BTreeSet<String>) {
        let secret = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
        names.extend(secret.filter_map(|it| Some(it.get_env()?.to_str()?.to_owned())));
        command.get_subcommands().for_each(|child| of(child, names));
    }
    let mut names = BTreeSet::new();
    of(&C::command(), &mut names);
    names
}

#[test]
fn each_container_gets_its_own_secrets_and_none_stands_in_the_repository() {
    let producer = secrets::<producer::Cli>();
    let without_token = || producer.iter().filter(|name| *name != "API_TOKEN").cloned().collect();
    let allowed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::from([
        ("redis", BTreeSet::from(["REDISCLI_AUTH".to_owned()])),
        ("consumer", secrets::<consumer::Cli>()),
        ("serve", producer.clone()),
        ("producer", without_token()),
        ("generate", secrets::<generate_upload::Cli>()),
    ]);
    let all: BTreeSet<String> = allowed.values().flatten().cloned().collect();

    for (name, service) in services() {
        let environment = environment(&service);
        let given: BTreeSet<String> =
            environment.keys().filter(|name| all.contains(*name)).cloned().collect();
        assert_eq!(given, allowed.get(name.as_str()).cloned().unwrap_or_default(), "{name}");
        for (setting, value) in environment.iter().filter(|(setting, _)| all.contains(*setting)) {
            let inner = value.strip_prefix("${").and_then(|value| value.strip_suffix('}'));
            let inner = inner.unwrap_or_else(|| panic!("{name}: {setting} is written out"));
            let default = inner.split_once(['-', '?']).map_or("", |(_, default)| default);
            let is_public = ["", "batch-sync"].contains(&default)
                || default.starts_with("UseDevelopmentStorage=true;")
                || inner.contains(":?run deploy/secrets.sh");
            assert!(is_public, "{name}: {setting} has a default");
        }
    }
    for required in ["API_TOKEN", "REDIS_URL"] {
        let asked_for = environment(&services()["serve"])[required].contains(":?");
        assert!(asked_for, "{required} is asked for");
    }
    // It is read by all of them.
    for line in text("deploy/compose.env").lines().filter(|line| !line.starts_with('#')) {
        let (name, _) = line.split_once('=').unwrap();
        assert!(!all.contains(name), "compose.env has {name}");
    }
}

/// A copy of a script in a folder of its own, which is removed at the end.
fn script(path: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("script.sh");
    fs::copy(root().join(path), &copy).unwrap();
    (folder, copy)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn secrets_of_compose_are_new_each_time_and_for_their_owner_only() {
    let written: Vec<BTreeMap<String, String>> = (0..2)
        .map(|_| {
            let (folder, script) = script("deploy/secrets.sh");
            let run = || Command::new("bash").arg(&script).output().unwrap().status.success();
            assert!(run());
            assert!(!run(), "a second time would replace what is in use");
            let file = folder.path().join(".env");
            assert_eq!(mode(&file), 0o600);
            let text = fs::read_to_string(file).unwrap();
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        })
        .collect();

    for name in ["API_TOKEN", "REDIS_PASSWORD"] {
        assert_eq!(written[0][name].len(), 48, "{name}");
        assert_ne!(written[0][name], written[1][name], "{name}");
    }
    let url = format!("redis://:{}@redis:6379", written[0]["REDIS_PASSWORD"]);
    assert_eq!(written[0]["REDIS_URL"], url);
}

#[test]
fn settings_that_a_script_writes_can_be_read_by_their_owner_only_and_say_what_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join(".env.example"), folder.path().join(".env.example")).unwrap();
    let run = format!(
        "umask 022; source '{}/scripts/programs.sh'; root='{}'; need_env_file",
        root().display(),
        folder.path().display()
    );

    let written = Command::new("bash").args(["-c", &run]).stderr(Stdio::null()).status().unwrap();

    assert!(written.success());
    assert_eq!(mode(&folder.path().join(".env")), 0o600);
    let settings = fs::read_to_string(folder.path().join(".env")).unwrap();
    for line in [
        "SALESFORCE_OBJECT=Lead",
        "SALESFORCE_EXTERNAL_ID=External_Id__c",
        "MAPPING_FILE=deploy/mappings/lead.sdl",
    ] {
        assert!(settings.lines().any(|written| written == line), "{line}: {settings}");
    }
}

#[expect(clippy::disallowed_methods, reason = "set by scripts/test.sh, not by a person")]
#[test]
fn the_redis_of_compose_answers_nobody_without_its_password() {
    let services = services();
    let command: Vec<&str> = services["redis"]["command"]
        .as_vec()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    let ["sh", "-c", line] = command[..] else { panic!("{command:?}") };
    let (port, data) = (free_port(), tempfile::tempdir().unwrap());
    let server = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
    let here = format!("'{server}' --bind 127.0.0.1 --port {port} ");
    let line = line.replace("$$", "$").replace("redis-server ", &here);
    let mut redis = Command::new("sh")
        .args(["-c", &line])
        .current_dir(data.path())
        .env("REDISCLI_AUTH", "hunter2")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();

    let ask = |url: &str| -> redis::RedisResult<String> {
        let client = redis::Client::open(url).unwrap();
        let mut connection = loop {
            match client.get_connection() {
                Err(error) if error.is_connection_refusal() => std::thread::yield_now(),
                connected => break connected?,
            }
        };
        redis::cmd("CONFIG")
            .arg("GET")
            .arg("maxmemory-policy")
            .query::<Vec<String>>(&mut connection)
            .map(|it| it[1].clone())
    };
    let without = ask(&format!("redis://127.0.0.1:{port}"));
    let with = ask(&format!("redis://:hunter2@127.0.0.1:{port}"));
    redis.kill().unwrap();
    redis.wait().unwrap();

    assert_eq!(without.unwrap_err().code(), Some("NOAUTH"));
    assert_eq!(with.unwrap(), "noeviction");
}

#[test]
fn what_the_set_up_installs_is_named_by_its_hash_and_runs_no_script_to_be_installed() {
    let locks = [
        "scripts/azurite",
        "scripts/deploy",
        "scripts/node",
        "crates/end-to-end/browser",
        "crates/salesforce-simulator/foreign-clients",
    ];
    for folder in locks {
        let lock = text(&format!("{folder}/package-lock.json"));
        let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            let hash = package["integrity"].as_str().unwrap_or_default();
            assert!(hash.starts_with("sha512-"), "{folder}: {name}");
        }
        let package = text(&format!("{folder}/package.json"));
        let package: serde_json::Value = serde_json::from_str(&package).unwrap();
        for kind in ["dependencies", "devDependencies", "optionalDependencies"] {
            assert_eq!(
                package[kind], packages[""][kind],
                "{folder}: the lock file is of another list"
            );
            for (name, version) in package[kind].as_object().into_iter().flatten() {
                let is_exact =
                    version.as_str().unwrap().bytes().all(|it| it.is_ascii_digit() || it == b'.');
                assert!(is_exact, "{folder}: {name} {version}");
            }
        }
    }
    let lists = [
        "scripts/fuzz-api.txt",
        "scripts/deploy/requirements.txt",
        "scripts/docs/requirements.txt",
        "scripts/lint/requirements.txt",
        "scripts/packages/requirements.txt",
        "crates/salesforce-simulator/foreign-clients/requirements.txt",
    ];
    for list in lists {
        let text = text(list).replace("\\\n", " ");
        let lines: Vec<&str> =
            text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
        assert!(!lines.is_empty(), "{list}");
        for line in lines {
            assert!(line.contains("==") && line.contains("--hash=sha256:"), "{list}: {line}");
        }
    }
    for file in fs::read_dir(root().join("scripts")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "sh") {
            continue;
        }
        let script = fs::read_to_string(&file).unwrap().replace("\\\n", " ");
        for line in script.lines() {
            let holds = |words: &[&str]| words.iter().all(|word| line.contains(word));
            assert!(!holds(&["npm install"]) && !holds(&["npx "]), "{file:?}: {line}");
            assert!(!holds(&["npm ci"]) || holds(&["--ignore-scripts"]), "{file:?}: {line}");
            let is_pip =
                holds(&["pip", " install "]) && !holds(&["fail"]) && !line.contains("apt-get");
            // What was built here, with nothing of the network.
            let is_own = holds(&["--no-index", "--no-deps"]);
            assert!(
                !is_pip || is_own || holds(&["--require-hashes", "--only-binary :all:"]),
                "{file:?}: {line}"
            );
        }
    }
}

/// What jobs may do beyond reading, each for what it publishes.
const RIGHTS_TO_WRITE: [(&str, &str, &[&str]); 5] = [
    ("release.yml", "images", &["packages"]),
    ("release.yml", "publish-images", &["attestations", "id-token", "packages"]),
    ("release.yml", "publish-chart", &["attestations", "id-token", "packages"]),
    ("release.yml", "publish-release", &["attestations", "contents", "id-token"]),
    ("release.yml", "publish-wheels", &["id-token"]),
];

#[test]
fn actions_are_named_by_their_commit_and_may_write_only_what_they_publish() {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(root().join(".github/workflows")).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let workflow = YamlLoader::load_from_str(&text).unwrap().remove(0);
        let writes = |rights: &Yaml| -> BTreeSet<String> {
            let rights = rights.as_hash().cloned().unwrap_or_default();
            let not_read = rights.into_iter().filter(|(_, right)| right.as_str() != Some("read"));
            not_read.map(|(name, _)| name.into_string().unwrap()).collect()
        };
        // Without a list of its own a job has that of the workflow, and without one there all rights.
        assert!(workflow["permissions"].as_hash().is_some(), "{file:?}");
        assert_eq!(writes(&workflow["permissions"]), BTreeSet::new(), "{file:?}");
        for (name, job) in workflow["jobs"].as_hash().unwrap() {
            let rights = writes(&job["permissions"]);
            if !rights.is_empty() {
                let file = file.file_name().into_string().unwrap();
                found.insert((file, name.as_str().unwrap().to_owned(), rights));
            }
            for step in job["steps"].as_vec().unwrap() {
                let Some(action) = step["uses"].as_str() else { continue };
                let commit = action.split_once('@').unwrap().1;
                let is_commit =
                    commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit());
                assert!(is_commit, "{action} is whatever its tag means today");
            }
        }
    }
    let expected = RIGHTS_TO_WRITE.map(|(file, job, rights)| {
        let rights = rights.iter().map(|right| (*right).to_owned()).collect();
        (file.to_owned(), job.to_owned(), rights)
    });
    assert_eq!(found, BTreeSet::from(expected));
}
