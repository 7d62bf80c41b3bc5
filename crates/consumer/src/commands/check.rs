//! `consumer check`: the preflight, for people or for programs.

use std::{collections::BTreeSet, io::Write};

use bytes::Bytes;
use ingest_core::{BatchLimits, Header, Ingest, IngestError, IngestSettings};
use serde::Serialize;

use load::{Load, Mapping, Target};
use salesforce::{Allowance, Client};
use tracing::warn;

use super::preflight::{Fitted, Limits, SignedIn, WaitLimit, fit, limits, parents, sign_in};
use crate::config::{HeaderArgs, SalesforceConfig};

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
    daily_api_requests: Option<Allowance>,
    warnings: &'a [String],
}

/// What `--json` prints where there is no load.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckedSignIn<'a> {
    instance_url: &'a str,
    api_version: &'a str,
    daily_api_requests: Option<Allowance>,
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
/// line its columns are compared too; without a load the sign-in is all there is.
pub(crate) async fn check(
    config: &SalesforceConfig,
    load: Option<&Load>,
    json: bool,
    header: &HeaderArgs,
) -> anyhow::Result<()> {
    let before = config.connection.credentials.warnings();
    // Said before the sign-in, which may take some seconds.
    before.iter().for_each(|warning| warn!("{warning}"));
    let client = Client::new(config.connection.clone())?;
    let signed_in = sign_in(&client, WaitLimit::Seconds).await?;
    let Some(load) = load else {
        return print_sign_in(config, &signed_in, limits(&client).await, json);
    };
    let mut fitted = fit(&client, load, WaitLimit::Seconds).await?;
    let limits = limits(&client).await;
    fitted.warnings.extend(limits.warning);
    let (mapping, left_out) = match &header.header {
        Some(line) => of_header(load, read_header(line, header)?, &mut fitted, &client).await?,
        None => (of_mapping(&fitted.mapping), Vec::new()),
    };
    if json {
        fitted.warnings.splice(..0, before.into_iter().map(str::to_owned));
    }
    let rules = fitted.mapping.rules();
    let checked = Checked {
        instance_url: &signed_in.instance,
        api_version: &config.connection.api_version,
        object: &rules.describe.name,
        operation: rules.operation.as_str(),
        external_id: rules.key.as_ref().map(|key| key.field.as_str()),
        mapping,
        left_out,
        daily_api_requests: limits.daily_requests,
        warnings: &fitted.warnings,
    };
    let mut out = service::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, &checked)?;
        writeln!(out)?;
    } else {
        fitted.warnings.iter().for_each(|warning| warn!("{warning}"));
        print(&mut out, &checked, &fitted.mapping, header.header.is_some())?;
    }
    Ok(out.flush()?)
}

/// What becomes of the columns of a header line.
async fn of_header(
    load: &Load,
    header: Header,
    fitted: &mut Fitted,
    client: &Client,
) -> anyhow::Result<(Vec<MappedField>, Vec<String>)> {
    let Fitted { mapping, warnings } = fitted;
    let objects = match mapping.is_by_name() {
        true => load.parents(&mapping.rules().describe, Some(&header)),
        false => BTreeSet::new(),
    };
    let parents = parents(client, objects, WaitLimit::Seconds, warnings).await;
    let plan = mapping.plan(header, parents)?;
    let fields = plan.targets().map(|(column, target)| MappedField::new(column, target));
    let constants = mapping.constants().iter();
    let constants = constants.map(|constant| MappedField::new(&constant.quoted, &constant.target));
    let left_out = plan.left_out().into_iter().map(str::to_owned).collect();
    if mapping.is_by_name() {
        let targets = plan.targets().map(|(_, target)| target);
        warnings.extend(mapping.rules().assumed_dates(targets));
    }
    Ok((fields.chain(constants).collect(), left_out))
}

/// Reads it as a producer does: past a byte order mark and Excel's line `sep=;`, with the same
/// settings.
fn read_header(line: &str, args: &HeaderArgs) -> anyhow::Result<Header> {
    let mut ingest = Ingest::start(IngestSettings {
        delimiter: args.csv_delimiter.0,
        quote: args.csv_quote,
        escape: args.csv_escape.0,
        record_bytes_max: 1 << 20,
        batch: BatchLimits { rows_max: 1, bytes_max: 1 << 20 },
    });
    ingest.push(Bytes::from(format!("{}\n", line.trim_end())));
    let read = ingest.finish();
    let is_sep = line.trim_start_matches('\u{FEFF}').to_ascii_lowercase().starts_with("sep=");
    if is_sep && matches!(read, Err(IngestError::Empty)) {
        anyhow::bail!(
            "--header is the line `sep=` that says the delimiter to Excel; give the line behind it \
             too: --header \"$(head -2 FILE)\""
        );
    }
    read?;
    Ok(ingest.header().expect("it was read").clone())
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
    compared: &Mapping,
    is_of_header: bool,
) -> std::io::Result<()> {
    let Checked { instance_url, api_version, object, operation, external_id, mapping, .. } =
        checked;
    let by = external_id.map(|field| format!(" by {field}")).unwrap_or_default();
    writeln!(out, "{operation} {object}{by} at {instance_url}, API {api_version}")?;
    print_allowance(out, checked.daily_api_requests)?;
    writeln!(out)?;
    if compared.is_by_name() && !is_of_header {
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

fn print_sign_in(
    config: &SalesforceConfig,
    signed_in: &SignedIn,
    limits: Limits,
    json: bool,
) -> anyhow::Result<()> {
    let mut warnings: Vec<String> = limits.warning.into_iter().collect();
    let api_version = &config.connection.api_version;
    let mut out = service::stdout();
    if json {
        let before = config.connection.credentials.warnings().into_iter().map(str::to_owned);
        warnings.splice(..0, before);
        let checked = CheckedSignIn {
            instance_url: &signed_in.instance,
            api_version,
            daily_api_requests: limits.daily_requests,
            warnings: &warnings,
        };
        serde_json::to_writer_pretty(&mut out, &checked)?;
        writeln!(out)?;
    } else {
        warnings.iter().for_each(|warning| warn!("{warning}"));
        writeln!(out, "signed in at {}, API {api_version}", signed_in.instance)?;
        print_allowance(&mut out, limits.daily_requests)?;
        writeln!(
            out,
            "\nno load to compare: SALESFORCE_OBJECT is not set, and each run has its own"
        )?;
    }
    Ok(out.flush()?)
}

fn print_allowance(out: &mut impl Write, allowance: Option<Allowance>) -> std::io::Result<()> {
    match allowance {
        Some(Allowance { max, remaining }) => {
            writeln!(out, "api calls left today: {remaining} of {max}")
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::read_header;
    use crate::config::{Cli, Command, HeaderArgs};

    fn args(settings: &[&str]) -> Result<HeaderArgs, clap::Error> {
        let line = ["consumer", "check"].iter().chain(settings);
        match Cli::try_parse_from(line)?.command {
            Some(Command::Check { header, .. }) => Ok(header),
            other => panic!("{other:?}"),
        }
    }

    fn columns(line: &str, settings: &[&str]) -> anyhow::Result<Vec<String>> {
        read_header(line, &args(settings)?).map(|header| header.columns().to_vec())
    }

    #[test]
    fn a_header_line_is_read_as_a_producer_reads_the_file() {
        for line in
            ["Key__c;Name\r\n", "\u{FEFF}Key__c,Name", "sep=;\r\nKey__c;Name", "Sep=|\nKey__c|Name"]
        {
            assert_eq!(columns(line, &[]).unwrap(), ["Key__c", "Name"], "{line:?}");
        }
        let alone = columns("sep=;\r\n", &[]).unwrap_err().to_string();
        assert!(alone.contains("head -2"), "{alone}");
        assert!(columns("", &[]).unwrap_err().to_string().contains("is empty"));
    }

    #[test]
    fn a_header_line_is_read_with_the_settings_of_a_producer() {
        for (line, settings, expected) in [
            (r#""The \"Big\" key",Name"#, &["--csv-escape=backslash"][..], r#"The "Big" key"#),
            (r#""C:\\",Name"#, &["--csv-escape=\\"], r"C:\"),
            ("'Key, old',Name", &["--csv-quote='"], "Key, old"),
            ("Key;,Name", &["--csv-delimiter=,"], "Key;"),
            ("Key,;\tName", &["--csv-delimiter=tab"], "Key,;"),
        ] {
            assert_eq!(columns(line, settings).unwrap(), [expected, "Name"], "{line}");
        }
        for setting in ["--csv-escape=^", "--csv-quote=''", "--csv-delimiter=→"] {
            let error = args(&[setting]).unwrap_err().to_string();
            assert!(error.contains("it is "), "{error}");
        }
    }
}
