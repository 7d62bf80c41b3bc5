//! What a configuration says of programs and not of loads: it is set in their environment.

use super::{problem::quoted, said::Said};

/// A line for the environment of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// It can be copied.
    Set(&'static str, String),
    /// It cannot: what is to be set, and why it is not here.
    Unset(&'static str, String),
}

/// What to set for a process. `is_bulk`: its rows go by Bulk API.
pub(super) fn of(said: &mut Said<'_>, is_bulk: bool) -> Vec<Variable> {
    let mut variables = Vec::new();
    login(said, &mut variables);
    file(said, &mut variables);
    let seconds = [
        ("sfdc.timeoutSecs", "SALESFORCE_TIMEOUT"),
        ("sfdc.connectionTimeoutSecs", "SALESFORCE_CONNECT_TIMEOUT"),
    ];
    for (key, variable) in seconds {
        if let Some(seconds) = said.number(key) {
            variables.push(Variable::Set(variable, format!("{seconds}s")));
        }
    }
    if said.is_true("sfdc.noCompression") {
        variables.push(Variable::Set("SALESFORCE_GZIP", "false".to_owned()));
    }
    if let Some(version) = said.take("salesforce.api.version") {
        let is_number = version.parse::<f32>().is_ok_and(|version| version >= 46.0);
        variables.push(if is_number {
            Variable::Set("SALESFORCE_API_VERSION", version.to_owned())
        } else {
            Variable::Unset("SALESFORCE_API_VERSION", "46.0 or later".to_owned())
        });
    }
    if let Some(rows) = batch_rows(said, is_bulk) {
        let why = format!(
            "leave it out; {rows} was the size of Data Loader's batches, and here each batch of Bulk is a \
             job of its own"
        );
        variables.push(Variable::Unset("BATCH_ROWS", why));
    }
    variables
}

/// Rows of a batch, at most.
const BATCH_ROWS_MAX: u64 = 10_000;

/// An ingest job is a batch. Those of calls follow from the rows of a call, which the load says.
fn batch_rows(said: &mut Said<'_>, is_bulk: bool) -> Option<u64> {
    let rows = said.number("sfdc.loadBatchSize").filter(|rows| *rows > 0);
    rows.filter(|rows| is_bulk && *rows < BATCH_ROWS_MAX)
}

fn login(said: &mut Said<'_>, variables: &mut Vec<Variable>) {
    let environment = said.take("sfdc.oauth.environment").unwrap_or("Production").to_owned();
    let [production, sandbox] =
        ["sfdc.endpoint.Production", "sfdc.endpoint.Sandbox"].map(|key| said.take(key));
    let of_environment = if environment == "Sandbox" { sandbox } else { production };
    if let Some(url) = said.take("sfdc.endpoint").or(of_environment) {
        variables.push(match origin(url) {
            Some(origin) => Variable::Set("SALESFORCE_LOGIN_URL", origin),
            None => Variable::Unset(
                "SALESFORCE_LOGIN_URL",
                "the endpoint is no https:// URL; write https://login.salesforce.com, or that of \
                 your domain"
                    .to_owned(),
            ),
        });
    }
    if let Some(user) = said.take("sfdc.username") {
        variables.push(Variable::Set("SALESFORCE_USERNAME", user.to_owned()));
    }
    if said.take("sfdc.password").is_some() {
        variables.push(Variable::Unset(
            "SALESFORCE_PASSWORD",
            "sfdc.password is not shown (password and security token in one; encrypted, only Data \
             Loader can read it). Better sign in with SALESFORCE_CLIENT_ID and \
             SALESFORCE_CLIENT_SECRET or SALESFORCE_JWT_KEY_FILE"
                .to_owned(),
        ));
    }
}

/// The address of a URL without its path, which names the SOAP API, and without a user.
fn origin(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    (!host.is_empty() && host.bytes().all(is_plain)).then(|| format!("https://{host}"))
}

fn file(said: &mut Said<'_>, variables: &mut Vec<Variable>) {
    let is_utf8 = said.is_true("dataAccess.readUTF8");
    let charset = said.take("dataAccess.readCharset").map(str::to_owned);
    if said.reads_csv() && !is_utf8 {
        variables.push(match charset {
            Some(charset) => Variable::Set("CSV_ENCODING", charset),
            None => Variable::Unset(
                "CSV_ENCODING",
                "dataAccess.readUTF8 is not set: Data Loader read files in the encoding of its \
                 computer; if that is not UTF-8, write for example windows-1252"
                    .to_owned(),
            ),
        });
    }
    if said.is_true("loader.csvOther")
        && let Some(delimiter) = said.take("loader.csvOtherValue")
    {
        let mut characters = delimiter.chars();
        variables.push(match (characters.next(), characters.next()) {
            (Some(';' | '|' | '\t' | ','), None) => Variable::Unset(
                "CSV_DELIMITER",
                format!(
                    "leave it out; the default, auto, finds {} from the header",
                    quoted(delimiter)
                ),
            ),
            (Some(one), None) => Variable::Set("CSV_DELIMITER", one.to_string()),
            _ => Variable::Unset(
                "CSV_DELIMITER",
                format!("Data Loader took any of {}; here it is one", quoted(delimiter)),
            ),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_endpoint_only_the_host_is_kept() {
        for (url, expected) in [
            ("https://login.salesforce.com", Some("https://login.salesforce.com")),
            (
                "https://login.salesforce.com/services/Soap/u/62.0",
                Some("https://login.salesforce.com"),
            ),
            ("https://acme.my.salesforce.com:443/", Some("https://acme.my.salesforce.com:443")),
            ("https://user:secret@test.salesforce.com/", Some("https://test.salesforce.com")),
            ("http://login.salesforce.com", None),
            ("https://${host}", None),
            ("", None),
        ] {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }
}
