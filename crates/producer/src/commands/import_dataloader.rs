//! `producer import-dataloader`.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use load::Property;

use crate::{
    cli::{import_dataloader_args::ImportDataloaderArgs, invalid_setting::InvalidSetting},
    dataloader::{CONFIGURATION_BYTES_MAX, loads_file},
};

/// What is wrong with the files is wrong usage.
pub(super) fn print(args: &ImportDataloaderArgs) -> anyhow::Result<ExitCode> {
    let path = &args.file;
    let xml = read(path).map_err(|error| of_file(path, &error))?;
    let common = common(&path.with_file_name("config.properties"))?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let text = loads_file(&name, &xml, &common, args.bean.as_deref())
        .map_err(|error| of_file(path, &error))?;
    write!(service::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// What all processes have in common; nothing, when there is no such file.
fn common(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(|error| of_file(path, &error))?,
    };
    Property::read(&text, "sfdc.timezone=Europe/Berlin")
        .map(|property| {
            let property = property.map_err(|error| of_file(path, &error))?;
            Ok((property.name, property.value.trim().to_owned()))
        })
        .collect()
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(CONFIGURATION_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let invalid = |problem| io::Error::new(io::ErrorKind::InvalidData, problem);
    if bytes.len() > CONFIGURATION_BYTES_MAX {
        return Err(invalid("it is larger than 1 MiB; is it a configuration of Data Loader?"));
    }
    String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8; save it so"))
}

fn of_file(path: &Path, error: &dyn std::error::Error) -> InvalidSetting {
    InvalidSetting(format!("{}: {error}", path.display()))
}
