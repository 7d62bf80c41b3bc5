//! Arguments and settings, as typed. Uses nothing else of this crate.

pub(crate) mod check_args;
pub(crate) mod command;
pub(crate) mod health_args;
pub(crate) mod http_args;
pub(crate) mod import_args;
pub(crate) mod import_dataloader_args;
pub(crate) mod invalid_setting;
pub(crate) mod load_args;
pub(crate) mod plan_args;
pub(crate) mod read_args;
pub(crate) mod reject_limit;
pub(crate) mod run_args;
pub(crate) mod serve_args;
pub(crate) mod sync_args;
pub(crate) mod upload_args;
