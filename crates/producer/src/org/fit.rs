//! The load on the objects of the org and on the file's header.

use std::collections::BTreeMap;

use ingest_core::Header;
use load::{Load, Mapping, Plan, RequiredField};

use super::describer::{DescribeError, Describer};

/// What becomes of the columns of a file.
pub(crate) struct Fitted {
    pub(crate) mapping: Mapping,
    pub(crate) plan: Plan,
    /// Columns that are not sent.
    pub(crate) left_out: Vec<String>,
    /// Fields that a new record needs, and that no column fills.
    pub(crate) required: Vec<String>,
    /// The same that columns fill.
    pub(crate) required_filled: Vec<RequiredField>,
    /// What may go wrong, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Why there is no such plan.
pub(crate) enum Unfit {
    /// A run would fail for it.
    Misfit(String),
    /// It is not known what the objects are like.
    Unknown(DescribeError),
}

/// Compares as a consumer does before the first row of a run.
pub(crate) async fn fit(
    describer: &Describer,
    load: &Load,
    header: Header,
) -> Result<Fitted, Unfit> {
    let described = describer.describe(&load.object).await;
    let describe = described.map_err(|error| match error {
        DescribeError::NoSuchObject { .. } => Unfit::Misfit(error.to_string()),
        other => Unfit::Unknown(other),
    })?;
    let mut warnings = Vec::new();
    let parents = load.parents(&describe, Some(&header));
    let parents = describer.parents(parents, &mut warnings).await;
    let mapping =
        load.mapping(describe, parents).map_err(|misfit| Unfit::Misfit(misfit.to_string()))?;
    let plan = mapping.plan(header, BTreeMap::new()).map_err(|mismatch| {
        Unfit::Misfit(format!("the file does not fit the mapping: {mismatch}"))
    })?;
    warnings.extend(mapping.warnings_of(&plan));
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let left_out = owned(plan.left_out());
    let required = owned(mapping.required_without(&plan));
    let required_filled = mapping.required_with(&plan);
    Ok(Fitted { mapping, plan, left_out, required, required_filled, warnings })
}
