//! What a process of Data Loader does, in the words of a load.

use std::{collections::HashMap, fmt};

use jiff::tz::TimeZone;

use super::{
    beans::Bean,
    environment::{self, Variable},
    names::Names,
    no_counterpart::{Instead, instead_of},
    problem::quoted,
    said::Said,
};

/// What came of a configuration.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub(super) loads: Vec<Load>,
    pub(super) without_load: Vec<WithoutLoad>,
}

/// One load.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) name: String,
    pub(super) bean: String,
    /// Settings in the order of the file of loads, as TOML.
    pub(super) settings: Vec<(&'static str, Value)>,
    /// What has to be said of it.
    pub(super) notes: Vec<String>,
    /// What is set in the environment.
    pub(super) variables: Vec<Variable>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Texts(Vec<String>),
    Boolean(bool),
    Number(u64),
}

/// A process that is no load.
#[derive(Debug)]
pub(super) struct WithoutLoad {
    bean: String,
    why: String,
}

impl fmt::Display for WithoutLoad {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {}: {}", quoted(&self.bean), self.why)
    }
}

/// Converts processes; `common` is said of all of them, and each may say it otherwise.
pub(super) fn convert(beans: &[Bean], common: &[(String, String)]) -> Converted {
    let mut converted = Converted::default();
    let mut names = Names::default();
    let mut files = HashMap::new();
    for bean in beans {
        match load(bean, common) {
            Ok(mut load) => {
                load.name = names.give(&bean.id);
                load.leave_files_of_others(&mut files);
                converted.loads.push(load);
            }
            Err(why) => {
                converted.without_load.push(WithoutLoad { bean: bean.id.clone(), why });
            }
        }
    }
    converted
}

impl Load {
    /// A file is of one load.
    fn leave_files_of_others(&mut self, owners: &mut HashMap<String, String>) {
        let Some(place) = self.settings.iter().position(|(key, _)| *key == "files") else { return };
        let Value::Texts(patterns) = &self.settings[place].1 else { return };
        // Nobody else has the pattern that is looked up.
        let pattern = patterns.concat();
        match owners.get(&pattern) {
            None => {
                owners.insert(pattern, self.name.clone());
            }
            Some(owner) => {
                let start = format!("start this one with --load {}", self.name);
                self.notes.push(format!(
                    "dataAccess.name: the file {} is of load `{owner}` already; {start}",
                    quoted(&pattern)
                ));
                self.settings.remove(place);
            }
        }
    }
}

fn load(bean: &Bean, common: &[(String, String)]) -> Result<Load, String> {
    let mut said = Said::new(bean, common);
    let mut settings = Vec::new();
    let mut notes = Vec::new();

    let operation = operation(&mut said, &mut notes)?;
    let is_set_to_bulk = said.is_true("sfdc.useBulkV2Api") | said.is_true("sfdc.useBulkApi");
    // Data Loader too can do it by Bulk API alone.
    let is_bulk = is_set_to_bulk || operation == "hard-delete";
    let object =
        said.take("sfdc.entity").ok_or("sfdc.entity is not set, the object of its rows")?;
    settings.push(("object", Value::Text(api_name("sfdc.entity", object)?)));
    settings.push(("operation", Value::Text(operation.to_owned())));
    if let Some(key) = key(&mut said, operation)? {
        settings.push(("external-id", Value::Text(key)));
    }
    if is_bulk {
        settings.push(("api", Value::Text("bulk".to_owned())));
    } else if let Some(rows) =
        said.number("sfdc.loadBatchSize").filter(|rows| (1..200).contains(rows))
    {
        settings.push(("call-rows", Value::Number(rows)));
    }
    let variables = environment::of(&mut said, is_bulk);
    file(&mut said, &mut settings, &mut notes);
    mapping(&mut said, &mut settings, &mut notes);
    // Of rows that delete, the key alone is read: what is said of values says nothing.
    let (mut unused, mut unsaid) = Default::default();
    let (of_values, notes_on_values) = match operation {
        "delete" | "hard-delete" => (&mut unused, &mut unsaid),
        _ => (&mut settings, &mut notes),
    };
    rules(&mut said, is_bulk, of_values, notes_on_values);
    values(&mut said, is_bulk, of_values, notes_on_values);
    notes.extend(of_the_rest(&said));
    Ok(Load { name: String::new(), bean: bean.id.clone(), settings, notes, variables })
}

/// As loads name it.
fn operation(said: &mut Said<'_>, notes: &mut Vec<String>) -> Result<&'static str, String> {
    let Some(named) = said.take("process.operation") else {
        notes.push("process.operation is not set; Data Loader takes it for an insert".to_owned());
        return Ok("insert");
    };
    match named.to_ascii_lowercase().as_str() {
        "insert" => Ok("insert"),
        "update" => Ok("update"),
        "upsert" => Ok("upsert"),
        "delete" => Ok("delete"),
        "hard_delete" => {
            notes.push(
                "process.operation is hard_delete: the records are gone for good; the user needs the \
                 permission Bulk API Hard Delete, and a start asks first, or takes --yes"
                    .to_owned(),
            );
            Ok("hard-delete")
        }
        "extract" | "extract_all" => Err("it reads records out of Salesforce, which has no \
             counterpart; use `sf data export bulk`, or keep Data Loader for it"
            .to_owned()),
        "undelete" => Err("an undelete has no counterpart; keep Data Loader for it".to_owned()),
        _ => Err(format!(
            "process.operation is {}; it can be insert, update, upsert, delete or hard_delete",
            quoted(named)
        )),
    }
}

fn key(said: &mut Said<'_>, operation: &str) -> Result<Option<String>, String> {
    const KEY: &str = "sfdc.externalIdField";
    let field = said.take(KEY);
    let by_external_id = match operation {
        "update" => said.is_true("sfdc.updateWithExternalId"),
        "delete" => said.is_true("sfdc.deleteWithExternalId"),
        other => other == "upsert",
    };
    match field {
        Some(field) if by_external_id => api_name(KEY, field).map(Some),
        None if by_external_id => {
            Err(format!("{KEY} is not set, the field by which rows find their record"))
        }
        Some(_) | None => Ok(None),
    }
}

fn file(said: &mut Said<'_>, settings: &mut Vec<(&'static str, Value)>, notes: &mut Vec<String>) {
    let name = said.take("dataAccess.name");
    if !said.reads_csv() {
        let kind = said.take("dataAccess.type").unwrap_or_default();
        notes.push(format!(
            "dataAccess.type is {}, which has no counterpart: write the rows to a CSV file, upload \
             it, and name it in `files` (dataAccess.name is {})",
            quoted(kind),
            quoted(name.unwrap_or_default())
        ));
        return;
    }
    if let Some(path) = name {
        settings.push(("files", Value::Texts(vec![pattern(file_name(path))])));
        if path != file_name(path) {
            notes.push(format!(
                "dataAccess.name is {}; `files` is compared with the name of the blob",
                quoted(path)
            ));
        }
    }
}

fn mapping(
    said: &mut Said<'_>,
    settings: &mut Vec<(&'static str, Value)>,
    notes: &mut Vec<String>,
) {
    match said.take("process.mappingFile") {
        None => notes.push(
            "process.mappingFile is not set: columns fill the fields of their names".to_owned(),
        ),
        Some(path) => {
            settings.push(("mapping", Value::Text(file_name(path).to_owned())));
            if path != file_name(path) {
                notes.push(format!(
                    "process.mappingFile is {}; put it beside this file, as it is",
                    quoted(path)
                ));
            }
        }
    }
}

/// Rules of the org for the records.
fn rules(
    said: &mut Said<'_>,
    is_bulk: bool,
    settings: &mut Vec<(&'static str, Value)>,
    notes: &mut Vec<String>,
) {
    if let Some(rule) = said.take("sfdc.assignmentRule") {
        let is_id =
            matches!(rule.len(), 15 | 18) && rule.bytes().all(|it| it.is_ascii_alphanumeric());
        match is_id {
            true => settings.push(("assignment-rule", Value::Text(rule.to_owned()))),
            false => notes.push(format!(
                "sfdc.assignmentRule is {}, which is no id of a rule; write its id in \
                 `assignment-rule`",
                quoted(rule)
            )),
        }
    }
    if said.is_true("pilot.sfdc.duplicateRule.allowSave") {
        match is_bulk {
            false => settings.push(("allow-duplicates", Value::Boolean(true))),
            true => notes.push(
                "pilot.sfdc.duplicateRule.allowSave: Bulk API cannot do that; with \
                 `allow-duplicates = true` take `api = \"collections\"`"
                    .to_owned(),
            ),
        }
    }
}

/// How cells are read.
fn values(
    said: &mut Said<'_>,
    is_bulk: bool,
    settings: &mut Vec<(&'static str, Value)>,
    notes: &mut Vec<String>,
) {
    match said.take("sfdc.timezone") {
        None => notes.push(
            "sfdc.timezone is not set: Data Loader takes the zone of its computer, and a load takes \
             UTC; write it in `time-zone`, like \"Europe/Berlin\""
                .to_owned(),
        ),
        Some(zone) if TimeZone::get(zone).is_ok() => {
            settings.push(("time-zone", Value::Text(zone.to_owned())));
        }
        Some(zone) => notes.push(format!(
            "sfdc.timezone is {}, which is a name of Java; write one like \"Europe/Berlin\" in \
             `time-zone`",
            quoted(zone)
        )),
    }
    let order = if said.is_true("process.useEuropeanDates") { "day-first" } else { "month-first" };
    settings.push(("dates", Value::Text(order.to_owned())));
    if said.is_true("sfdc.insertNulls") {
        match is_bulk {
            false => settings.push(("nulls", Value::Text("write".to_owned()))),
            true => notes.push(
                "sfdc.insertNulls has no effect when Data Loader uses Bulk API; \
                 `nulls = \"write\"` would empty fields"
                    .to_owned(),
            ),
        }
    }
    // Data Loader cuts unless it is told not to, and cannot by Bulk API.
    let truncates =
        said.take("sfdc.truncateFields").is_none_or(|it| it.eq_ignore_ascii_case("true"));
    if truncates && !is_bulk {
        settings.push(("truncate", Value::Boolean(true)));
    }
}

/// What has no counterpart, or is not known at all.
fn of_the_rest(said: &Said<'_>) -> Vec<String> {
    let (mut notes, mut unknown) = (Vec::new(), Vec::new());
    for (key, value) in said.rest() {
        match instead_of(key, value) {
            Some(Instead::Nothing) => (),
            Some(Instead::Advice(advice)) => notes.push(format!("{key}: {advice}")),
            Some(Instead::Secret) => {
                notes.push(format!("{key} is a secret, and not shown; nothing here uses it"));
            }
            None => unknown.push(quoted(key)),
        }
    }
    if !unknown.is_empty() {
        notes.push(format!("not known, and left out: {}", unknown.join(", ")));
    }
    notes
}

/// What is behind the last slash, on Windows too.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// A pattern that fits this name and no other.
fn pattern(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

fn api_name(key: &str, name: &str) -> Result<String, String> {
    match load::is_api_name(name) {
        true => Ok(name.to_owned()),
        false => Err(format!(
            "{key} is {}, which is no API name; these have letters, digits and underscores",
            quoted(name)
        )),
    }
}
