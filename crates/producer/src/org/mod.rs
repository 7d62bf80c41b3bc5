//! What the org says of its objects, and whether a load and a file fit them.

mod describer;
mod describes_file;
mod fit;
mod precheck;

pub(crate) use self::{
    describer::{DescribeError, Describer, ObjectName},
    describes_file::DescribesFile,
    fit::{Fitted, Unfit, fit},
    precheck::Precheck,
};
