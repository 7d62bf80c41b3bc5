//! What all consumers know together, of no run: the org's limits, an outage, and a value that they
//! agree on. What it means is theirs to decide.

mod api_usage;
mod lookup;
mod org_limits;
mod outage;
mod overview;
mod value;

pub use api_usage::ApiUsage;
pub use lookup::{LOOKUP_BYTES_MAX, LOOKUP_KEYS_MAX};
pub use org_limits::{Allowance, OrgLimits};
pub use outage::{Outage, OutageKind};
pub use overview::SharedMetrics;
