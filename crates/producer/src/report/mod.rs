//! What people and programs see of a run: its report, its state, figures, lines and commands.

pub(crate) mod command_line;
pub(crate) mod console;
pub(crate) mod format;
pub(crate) mod hold;
pub(crate) mod listed_file;
pub(crate) mod log_lines;
pub(crate) mod outage;
pub(crate) mod output_names;
pub(crate) mod pace;
pub(crate) mod reject_limit;
pub(crate) mod run_report;
pub(crate) mod run_status;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod shown_load;
pub(crate) mod table;
pub(crate) mod waiting;
