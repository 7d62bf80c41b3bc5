//! Arguments of `producer import-dataloader`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `producer import-dataloader`.
#[derive(Clone, Debug, Args)]
pub struct ImportDataloaderArgs {
    /// The process-conf.xml. A config.properties beside it is read too, as Data Loader does.
    #[arg(value_name = "PROCESS_CONF")]
    pub file: PathBuf,

    /// The process, by the id of its bean [default: all of them].
    pub bean: Option<String>,
}
