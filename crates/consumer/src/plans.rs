//! Plans for the headers of the runs under way.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ingest_core::{BatchJob, Dialect, Header, IngestError};
use tracing::warn;

use crate::mapping::{HeaderMisfit, Mapping, Plan};

/// Makes a plan once for each header.
#[derive(Debug)]
pub(crate) struct Plans {
    mapping: Mapping,
    known: Mutex<Vec<(Bytes, Dialect, Arc<Plan>)>>,
}

/// Runs with so many different files at a time are remembered.
const KNOWN_MAX: usize = 16;

/// Why no row of a run can be delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unplannable {
    #[error("the header cannot be used: {0}")]
    Header(IngestError),
    #[error("the file does not fit the mapping: {0}")]
    Misfit(HeaderMisfit),
}

impl Plans {
    pub(crate) fn new(mapping: Mapping) -> Self {
        Self { mapping, known: Mutex::default() }
    }

    /// The plan for the header of this batch.
    pub(crate) fn of(&self, job: &BatchJob) -> Result<Arc<Plan>, Unplannable> {
        let mut known = self.known.lock().expect("planning does not panic");
        let found = known
            .iter()
            .find(|(header, dialect, _)| *header == job.header && *dialect == job.dialect);
        if let Some((_, _, plan)) = found {
            return Ok(Arc::clone(plan));
        }
        let header = Header::parse(job.header.clone(), job.dialect).map_err(Unplannable::Header)?;
        let plan = Arc::new(self.mapping.plan(header).map_err(Unplannable::Misfit)?);
        report_left_out(job, &plan);
        if known.len() == KNOWN_MAX {
            known.remove(0);
        }
        known.push((job.header.clone(), job.dialect, Arc::clone(&plan)));
        Ok(plan)
    }
}

fn report_left_out(job: &BatchJob, plan: &Plan) {
    let left_out = plan.left_out();
    if !left_out.is_empty() {
        warn!(
            run.id = %job.run,
            "run {}: these columns fill no field and are not sent: {}",
            job.run,
            left_out.join(", ")
        );
    }
}
