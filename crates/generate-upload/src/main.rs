//! The program `generate-upload`.

use std::process::ExitCode;

use generate_upload::{Cli, Command, run};

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = service::parse();
    service::init_logging(std::io::stderr);
    service::exit(match cli.command {
        Some(Command::Completions(args)) => {
            service::print_completions::<Cli>(args).map_err(Into::into)
        }
        None => run(cli.config, service::shutdown_token()).await,
    })
}
