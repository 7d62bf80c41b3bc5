//! `producer loads`.

use std::{io::Write, process::ExitCode};

use clap::ValueEnum;
use load::ApiChoice;

use crate::{
    cli::run_args::ListLoadsArgs,
    import::known_loads::KnownLoads,
    report::{
        shown_load::ShownLoad,
        table::{self, Column},
    },
};

/// Characters of a cell of the table.
const CELL_MAX: usize = 60;

/// What is wrong with them is a wrong setting.
pub(super) fn list(args: &ListLoadsArgs) -> anyhow::Result<ExitCode> {
    let known = KnownLoads::read(&args.loads)?;
    let loads: Vec<ShownLoad<'_>> = known.iter().map(ShownLoad::of).collect();
    let mut out = service::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&loads)?)?;
    } else {
        write!(out, "{}", table(&loads))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(loads: &[ShownLoad<'_>]) -> String {
    if loads.is_empty() {
        return "no loads; name a file of loads in LOADS_FILE, or set SALESFORCE_OBJECT\n"
            .to_owned();
    }
    let titles = ["NAME", "OPERATION", "OBJECT", "EXTERNAL ID", "API", "IDS", "FILES", "AFTER"];
    let rows: Vec<[String; 8]> = loads.iter().map(row).collect();
    table::table(titles.map(Column::Left), &rows)
}

fn row(load: &ShownLoad<'_>) -> [String; 8] {
    let shown = |text: &str| service::shown(text, CELL_MAX);
    [
        shown(load.name),
        load.operation.to_owned(),
        shown(load.object),
        shown(load.external_id.unwrap_or_default()),
        name_of(load.api),
        if load.ids { "yes" } else { "" }.to_owned(),
        shown(&load.files.join(", ")),
        shown(&load.after.join(", ")),
    ]
}

fn name_of(api: ApiChoice) -> String {
    api.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
