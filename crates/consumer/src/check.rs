//! `consumer check`: the preflight, for people or for programs.

use std::{collections::BTreeSet, io::Write};

use bytes::Bytes;
use ingest_core::{Dialect, Header};
use serde::Serialize;

use crate::{
    config::SalesforceConfig,
    mapping::{Mapping, Target},
    preflight::{Patience, Preflight, parents, preflight},
    salesforce::{Client, DailyRequests},
};

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    instance_url: &'a str,
    api_version: &'a str,
    object: &'a str,
    operation: &'static str,
    /// The field by which rows find their record.
    external_id: Option<&'a str>,
    /// Without a mapping file and without a header: every field that a column of its name fills.
    mapping: Vec<MappedField>,
    /// Columns of the header that are not sent.
    left_out: Vec<String>,
    daily_api_requests: Option<DailyRequests>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct MappedField {
    column: String,
    field: String,
    #[serde(rename = "type")]
    field_type: String,
    /// What a cell has to be, with an example.
    rule: String,
}

/// Logs in, compares the mapping with the object's fields, and prints both. With a file's header
/// line its columns are compared too.
pub(crate) async fn check(
    config: &SalesforceConfig,
    json: bool,
    header: Option<&str>,
) -> anyhow::Result<()> {
    let client = Client::new(config.connection.clone())?;
    let mut preflight = preflight(&client, config, Patience::Seconds).await?;
    let (mapping, left_out) = match header {
        Some(line) => of_header(line, &mut preflight, &client).await?,
        None => (of_mapping(&preflight.mapping), Vec::new()),
    };
    let rules = preflight.mapping.rules();
    let checked = Checked {
        instance_url: &preflight.instance,
        api_version: &config.connection.api_version,
        object: &rules.describe.name,
        operation: config.operation.as_str(),
        external_id: rules.key.as_ref().map(|key| key.field.as_str()),
        mapping,
        left_out,
        daily_api_requests: preflight.daily_requests,
        warnings: &preflight.warnings,
    };
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &checked)?;
        writeln!(out)?;
    } else {
        preflight.log_warnings();
        print(&mut out, &checked, &preflight, header.is_some())?;
    }
    Ok(out.flush()?)
}

/// What becomes of the columns of a header line.
async fn of_header(
    line: &str,
    preflight: &mut Preflight,
    client: &Client,
) -> anyhow::Result<(Vec<MappedField>, Vec<String>)> {
    let dialect = Dialect { delimiter: delimiter_of(line), ..Dialect::default() };
    let header = Header::parse(Bytes::copy_from_slice(line.trim_end().as_bytes()), dialect)?;
    let Preflight { blueprint, mapping, warnings, .. } = preflight;
    let objects = match mapping.is_by_name() {
        true => blueprint.parents(&mapping.rules().describe, Some(&header)),
        false => BTreeSet::new(),
    };
    let parents = parents(client, objects, Patience::Seconds, warnings).await;
    let plan = mapping.plan(header, parents)?;
    let fields = plan.targets().map(|(column, target)| MappedField::new(column, target));
    let constants = mapping.constants().iter();
    let constants = constants.map(|constant| MappedField::new(&constant.quoted, &constant.target));
    let left_out = plan.left_out().into_iter().map(str::to_owned).collect();
    Ok((fields.chain(constants).collect(), left_out))
}

/// The delimiter that stands most often in a header line.
fn delimiter_of(line: &str) -> u8 {
    let count = |delimiter: &u8| line.bytes().filter(|byte| byte == delimiter).count();
    *b"|\t;,".iter().max_by_key(|delimiter| count(delimiter)).expect("there are four")
}

/// What the mapping file says; without one, all fields that a column of their name fills.
fn of_mapping(mapping: &Mapping) -> Vec<MappedField> {
    if mapping.is_by_name() {
        let fields = mapping.rules().describe.fields.iter().map(|field| field.name.as_str());
        let targets = fields.filter_map(|name| Target::resolve(name, mapping.rules()).ok());
        return targets.map(|target| MappedField::new(&target.field, &target)).collect();
    }
    let columns = mapping.columns().iter();
    let columns = columns
        .flat_map(|column| column.targets.iter().map(move |target| (&column.column, target)));
    let constants = mapping.constants().iter().map(|constant| (&constant.quoted, &constant.target));
    columns.chain(constants).map(|(column, target)| MappedField::new(column, target)).collect()
}

impl MappedField {
    fn new(column: &str, target: &Target) -> Self {
        let rule = target.converter.rule();
        Self {
            column: column.to_owned(),
            field: target.field.clone(),
            field_type: target.field_type.clone(),
            rule: if target.is_key { format!("key: {rule}") } else { rule.into_owned() },
        }
    }
}

fn print(
    out: &mut impl Write,
    checked: &Checked<'_>,
    preflight: &Preflight,
    is_of_header: bool,
) -> std::io::Result<()> {
    let Checked { instance_url, api_version, object, operation, external_id, mapping, .. } =
        checked;
    let by = external_id.map(|field| format!(" by {field}")).unwrap_or_default();
    writeln!(out, "{operation} {object}{by} at {instance_url}, API {api_version}")?;
    if let Some(DailyRequests { max, remaining }) = checked.daily_api_requests {
        writeln!(out, "api calls left today: {remaining} of {max}")?;
    }
    writeln!(out)?;
    if preflight.mapping.is_by_name() && !is_of_header {
        writeln!(out, "no mapping file: columns fill the fields of their name, which can be")?;
        writeln!(out)?;
    }
    let rows: Vec<[&str; 4]> = [["column", "field", "type", "rule"]]
        .into_iter()
        .chain(
            mapping.iter().map(|row| [row.column.as_str(), &row.field, &row.field_type, &row.rule]),
        )
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let [first, second, third] = [width(0), width(1), width(2)];
    for [column, field, field_type, rule] in &rows {
        writeln!(out, "{column:first$}  {field:second$}  {field_type:third$}  {rule}")?;
    }
    if !checked.left_out.is_empty() {
        writeln!(out, "\nnot sent: {}", checked.left_out.join(", "))?;
    }
    Ok(())
}
