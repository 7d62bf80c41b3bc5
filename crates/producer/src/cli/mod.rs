pub(crate) mod command;
pub(crate) mod http_args;
pub(crate) mod reject_limit;
pub(crate) mod run_args;
pub(crate) mod serve_args;
