//! `producer describe`: saves what objects are like, so that a check needs no org.

use std::{collections::BTreeSet, io::Write, process::ExitCode};

use anyhow::Context;
use load::Describe;
use tracing::{info, warn};

use crate::{
    cli::check_args::DescribeArgs,
    org::{Describer, DescribesFile},
    report::format::bytes,
};

pub(crate) async fn describe(args: DescribeArgs) -> anyhow::Result<ExitCode> {
    let describer = Describer::org(&args.salesforce)?;
    let instance = describer.source().await?;
    let mut objects: Vec<Describe> = Vec::new();
    let mut parents = BTreeSet::new();
    for name in &args.objects {
        let object = describer.describe(name).await?;
        if objects.iter().all(|known| known.name != object.name) {
            parents.extend(object.parents());
            objects.push(object.compact());
        }
    }
    parents.retain(|parent| objects.iter().all(|known| known.name != *parent));
    info!("reading {} objects that rows may refer to", parents.len());
    for name in parents {
        match describer.describe(&name).await {
            Ok(parent) => objects.push(parent.as_parent().compact()),
            // A check that needs it says that it is not there.
            Err(error) => warn!(error = %error, "the object {name} is left out"),
        }
    }
    let text = DescribesFile::new(instance, objects).to_json();
    match &args.out {
        None => {
            let mut out = service::stdout();
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
        Some(path) => {
            std::fs::write(path, &text)
                .with_context(|| format!("could not write {}", path.display()))?;
            info!("saved {}, {}", path.display(), bytes(text.len() as u64));
        }
    }
    Ok(ExitCode::SUCCESS)
}
