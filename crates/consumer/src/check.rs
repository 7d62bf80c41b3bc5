//! `consumer check`: the preflight, for people or for programs.

use std::io::Write;

use serde::Serialize;

use crate::{config::SalesforceConfig, preflight, salesforce::Client, verdict::Operation};

/// What `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    instance_url: &'a str,
    api_version: &'a str,
    object: &'a str,
    operation: &'static str,
    external_id: Option<&'a str>,
    /// Empty when columns fill the fields of their name.
    mapping: Vec<MappedField<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct MappedField<'a> {
    column: &'a str,
    field: &'a str,
    #[serde(rename = "type")]
    field_type: &'a str,
}

/// Logs in, compares the mapping with the object's fields, and prints both.
pub(crate) async fn check(config: &SalesforceConfig, json: bool) -> anyhow::Result<()> {
    let client = Client::new(config.connection.clone())?;
    let preflight = preflight::preflight(&client, config).await?;
    let rules = preflight.mapping.rules();
    let columns = preflight.mapping.columns();
    let checked = Checked {
        instance_url: &preflight.instance,
        api_version: &config.connection.api_version,
        object: &rules.describe.name,
        operation: match config.operation {
            Operation::Upsert => "upsert",
            Operation::Insert => "insert",
        },
        external_id: rules.key.as_ref().map(|key| key.field.as_str()),
        mapping: columns
            .iter()
            .flat_map(|column| column.targets.iter().map(move |target| (column, target)))
            .map(|(column, target)| MappedField {
                column: &column.column,
                field: &target.field,
                field_type: &target.field_type,
            })
            .collect(),
        warnings: &preflight.warnings,
    };
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &checked)?;
        writeln!(out)?;
    } else {
        preflight.log_warnings();
        print_table(&mut out, &checked)?;
    }
    Ok(out.flush()?)
}

fn print_table(out: &mut impl Write, checked: &Checked<'_>) -> std::io::Result<()> {
    let Checked { instance_url, api_version, object, operation, external_id, mapping, .. } =
        checked;
    let by = external_id.map(|field| format!(" by {field}")).unwrap_or_default();
    writeln!(out, "{operation} {object}{by} at {instance_url}, API {api_version}")?;
    writeln!(out)?;
    if mapping.is_empty() {
        return writeln!(out, "no mapping file: columns fill the fields of their name");
    }
    let head = MappedField { column: "column", field: "field", field_type: "type" };
    let rows = || [&head].into_iter().chain(mapping);
    let column_width = rows().map(|row| row.column.chars().count()).max().unwrap_or_default();
    let field_width = rows().map(|row| row.field.chars().count()).max().unwrap_or_default();
    for MappedField { column, field, field_type } in rows() {
        writeln!(out, "{column:column_width$}  {field:field_width$}  {field_type}")?;
    }
    Ok(())
}
