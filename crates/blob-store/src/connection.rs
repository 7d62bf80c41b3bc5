//! A connection string, or an account URL, as the endpoint and credential it
//! stands for. No I/O.
//!
//! The keys are those of Microsoft's "Configure Azure Storage connection
//! strings"; names of keys count without regard to case.

use std::collections::BTreeMap;

use azure_core::{base64, credentials::Secret};
use url::{Host, Url};

use crate::BlobError;

const CONNECTION_STRING: &str = "AZURE_STORAGE_CONNECTION_STRING";
const ACCOUNT_URL: &str = "AZURE_STORAGE_ACCOUNT_URL";

/// The account and key that every storage emulator knows; public by design.
/// <https://learn.microsoft.com/azure/storage/common/storage-use-azurite>
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Where the account is, and what opens it.
#[derive(Debug, PartialEq)]
pub(crate) struct Connection {
    /// The blob endpoint, without a container; free of secrets.
    pub(crate) endpoint: Url,
    pub(crate) credential: Credential,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Credential {
    AccountKey {
        account: String,
        /// In base64, as Azure shows it.
        key: Secret,
    },
    /// The query of a shared access signature, without `?`, encoded as given.
    Sas(Secret),
    /// Whatever Entra ID identity this process finds.
    Identity,
}

impl Connection {
    /// Reads a connection string. What is wrong with it is said without
    /// repeating any part of it. An endpoint over http is taken with
    /// `allow_http`, or when it is on this machine.
    pub(crate) fn from_string(text: &str, allow_http: bool) -> Result<Self, BlobError> {
        let connection = parse(text).and_then(|connection| match connection.endpoint.scheme() {
            "https" => Ok(connection),
            "http" if allow_http || is_loopback(&connection.endpoint) => Ok(connection),
            "http" => Err("names another machine over http, where a SAS and all rows travel \
                    readable; use https, or set AZURE_ALLOW_HTTP=true where nobody can listen"),
            _ => Err("has an endpoint that is neither https nor http"),
        });
        connection.map_err(|problem| BlobError::InvalidSetting {
            setting: CONNECTION_STRING,
            problem: problem.into(),
        })
    }

    /// Takes the URL of an account whose door is opened by an identity.
    pub(crate) fn from_account_url(url: &Url) -> Result<Self, BlobError> {
        let endpoint = match bare_endpoint(url.clone()) {
            Ok(url) if url.scheme() == "https" => Ok(url),
            Ok(_) => Err("must start with https://, because a token is sent along"),
            Err(HasQuery) => Err("has a query or a user name; for a SAS set \
                AZURE_STORAGE_CONNECTION_STRING to BlobEndpoint=…;SharedAccessSignature=… instead"),
        };
        let endpoint = endpoint.map_err(|problem| BlobError::InvalidSetting {
            setting: ACCOUNT_URL,
            problem: problem.into(),
        })?;
        Ok(Self { endpoint, credential: Credential::Identity })
    }
}

/// Whether what is sent there does not leave this machine.
pub(crate) fn is_loopback(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

fn parse(text: &str) -> Result<Connection, &'static str> {
    if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
        return Err("is wrapped in quotes; write it without them");
    }
    let mut values = pairs(text)?;
    match values.get("usedevelopmentstorage").map(|value| value.eq_ignore_ascii_case("true")) {
        Some(true) => fill_in_emulator(&mut values),
        Some(false) => return Err("has a UseDevelopmentStorage that is not `true`; remove it"),
        None => {}
    }
    let account = values.remove("accountname");
    Ok(Connection {
        endpoint: endpoint(&values, account.as_deref())?,
        credential: credential(values, account)?,
    })
}

/// `Name=value;…`; only the first `=` counts, since keys and SAS contain more.
fn pairs(text: &str) -> Result<BTreeMap<String, String>, &'static str> {
    let mut values = BTreeMap::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or("has a part without `=`")?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if value.is_empty() {
            return Err("has a part without a value");
        }
        if values.insert(name, value.to_owned()).is_some() {
            return Err("has the same part twice");
        }
    }
    if values.is_empty() { Err("is empty") } else { Ok(values) }
}

fn fill_in_emulator(values: &mut BTreeMap<String, String>) {
    let proxy = values.remove("developmentstorageproxyuri");
    let host = proxy.as_deref().unwrap_or("http://127.0.0.1").trim_end_matches('/');
    let endpoint = format!("{host}:10000/{EMULATOR_ACCOUNT}");
    values.entry("accountname".into()).or_insert_with(|| EMULATOR_ACCOUNT.into());
    values.entry("accountkey".into()).or_insert_with(|| EMULATOR_KEY.into());
    values.entry("blobendpoint".into()).or_insert(endpoint);
}

fn endpoint(values: &BTreeMap<String, String>, account: Option<&str>) -> Result<Url, &'static str> {
    let text = match (values.get("blobendpoint"), account) {
        (Some(endpoint), _) => endpoint.clone(),
        (None, Some(account)) => {
            let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if !account.bytes().all(valid) {
                return Err("has an AccountName with other characters than a-z, 0-9 and -");
            }
            let value = |name, default| values.get(name).map_or(default, String::as_str);
            let scheme = value("defaultendpointsprotocol", "https");
            let suffix = value("endpointsuffix", "core.windows.net");
            format!("{scheme}://{account}.blob.{suffix}")
        }
        (None, None) => return Err("has neither an AccountName nor a BlobEndpoint"),
    };
    let url = Url::parse(&text).map_err(|_| "has an endpoint that is not a URL")?;
    bare_endpoint(url).map_err(|HasQuery| {
        "has an endpoint with a query or a user name; a SAS goes into SharedAccessSignature"
    })
}

/// A URL that cannot be an endpoint, because it may hold a secret.
struct HasQuery;

fn bare_endpoint(url: Url) -> Result<Url, HasQuery> {
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if bare { Ok(url) } else { Err(HasQuery) }
}

fn credential(
    mut values: BTreeMap<String, String>,
    account: Option<String>,
) -> Result<Credential, &'static str> {
    match (values.remove("accountkey"), values.remove("sharedaccesssignature"), account) {
        (Some(_), Some(_), _) => {
            Err("has both an AccountKey and a SharedAccessSignature; keep one")
        }
        (Some(key), None, Some(account)) => {
            base64::decode(&key).map_err(|_| "has an AccountKey that is not base64")?;
            Ok(Credential::AccountKey { account, key: Secret::new(key) })
        }
        (Some(_), None, None) => Err("has an AccountKey but no AccountName"),
        (None, Some(sas), _) if !sas.contains("sig=") => {
            Err("has a SharedAccessSignature without `sig=`")
        }
        (None, Some(sas), _) => {
            Ok(Credential::Sas(Secret::new(sas.trim_start_matches('?').to_owned())))
        }
        (None, None, _) => Err("has neither an AccountKey nor a SharedAccessSignature"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_understood() {
        let key =
            || Credential::AccountKey { account: "acme".into(), key: Secret::new("c2VjcmV0PQ==") };
        let emulator = || Credential::AccountKey {
            account: EMULATOR_ACCOUNT.into(),
            key: Secret::new(EMULATOR_KEY),
        };
        let sas = || Credential::Sas(Secret::new("sv=2022-11-02&sig=a%3D"));

        reads(
            "AccountName=acme;AccountKey=c2VjcmV0PQ==",
            "https://acme.blob.core.windows.net/",
            key(),
        );
        reads(
            "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=c2VjcmV0PQ==;EndpointSuffix=core.chinacloudapi.cn",
            "https://acme.blob.core.chinacloudapi.cn/",
            key(),
        );
        reads(
            " accountname = acme ; ACCOUNTKEY=c2VjcmV0PQ== ; BlobEndpoint=http://localhost:10000/acme;QueueEndpoint=http://q; ",
            "http://localhost:10000/acme",
            key(),
        );
        reads(
            "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=?sv=2022-11-02&sig=a%3D",
            "https://acme.blob.core.windows.net/",
            sas(),
        );
        reads(
            "AccountName=acme;SharedAccessSignature=sv=2022-11-02&sig=a%3D",
            "https://acme.blob.core.windows.net/",
            sas(),
        );
        reads("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1", emulator());
        reads_over_http(
            "usedevelopmentstorage=True;DevelopmentStorageProxyUri=http://azurite/",
            "http://azurite:10000/devstoreaccount1",
            emulator(),
        );
    }

    #[test]
    fn a_malformed_one_is_named_without_repeating_any_of_it() {
        for (text, problem) in [
            ("", "is empty"),
            (" ; ", "is empty"),
            ("SECRET", "has a part without `=`"),
            ("AccountName=acme;SECRET", "has a part without `=`"),
            ("AccountName=acme;AccountKey=", "has a part without a value"),
            ("AccountName=acme;AccountKey=SECRET;AccountKey=SECRET", "has the same part twice"),
            ("\"AccountName=acme;AccountKey=SECRET\"", "is wrapped in quotes"),
            ("AccountName=acme", "has neither an AccountKey nor a SharedAccessSignature"),
            ("AccountKey=U0VDUkVU", "has neither an AccountName nor a BlobEndpoint"),
            ("BlobEndpoint=http://SECRET;AccountKey=U0VDUkVU", "but no AccountName"),
            ("AccountName=SECRET/;AccountKey=U0VDUkVU", "other characters than a-z, 0-9"),
            ("AccountName=acme;AccountKey=SECRET!", "has an AccountKey that is not base64"),
            ("BlobEndpoint=SECRET;AccountName=a;AccountKey=U0VDUkVU", "that is not a URL"),
            ("BlobEndpoint=https://a/?sig=SECRET;AccountName=a", "with a query or a user name"),
            ("BlobEndpoint=https://a:SECRET@b;AccountName=a", "with a query or a user name"),
            ("AccountName=acme;SharedAccessSignature=SECRET", "without `sig=`"),
            ("AccountName=a;AccountKey=U0VDUkVU;SharedAccessSignature=sig=SECRET", "keep one"),
            ("UseDevelopmentStorage=SECRET", "that is not `true`"),
            ("BlobEndpoint=ftp://a;SharedAccessSignature=sig=SECRET", "neither https nor http"),
        ] {
            let error = Connection::from_string(text, true).unwrap_err();

            let said = format!("{error} {error:?}");
            assert!(said.contains(problem), "`{text}` was answered with: {said}");
            assert!(!said.contains("SECRET") && !said.contains("U0VDUkVU"), "{said}");
        }
    }

    #[test]
    fn an_account_url_must_be_bare_https() {
        for (url, problem) in [
            ("https://acme.blob.core.windows.net", None),
            ("http://acme.blob.core.windows.net", Some("must start with https://")),
            ("https://acme.blob.core.windows.net/?sig=SECRET", Some("has a query or a user name")),
            ("https://me:SECRET@acme.blob.core.windows.net", Some("has a query or a user name")),
        ] {
            let answer = Connection::from_account_url(&Url::parse(url).unwrap());

            match problem {
                None => assert_eq!(answer.unwrap().credential, Credential::Identity),
                Some(problem) => {
                    let said = format!("{0} {0:?}", answer.unwrap_err());
                    assert!(said.contains(problem) && !said.contains("SECRET"), "{said}");
                }
            }
        }
    }

    #[test]
    fn what_opens_an_account_goes_over_http_only_to_this_machine_or_when_that_is_allowed() {
        for text in [
            "BlobEndpoint=http://acme.blob.core.windows.net;SharedAccessSignature=sig=SECRET",
            "BlobEndpoint=http://10.0.0.1:10000/acme;AccountName=acme;AccountKey=U0VDUkVU",
            "BlobEndpoint=http://localhost.example/acme;AccountName=acme;AccountKey=U0VDUkVU",
            "DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=U0VDUkVU",
            "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite",
        ] {
            let said = format!("{0} {0:?}", Connection::from_string(text, false).unwrap_err());
            assert!(said.contains("names another machine over http"), "{said}");
            assert!(!said.contains("SECRET") && !said.contains("U0VDUkVU"), "{said}");
            assert!(Connection::from_string(text, true).is_ok(), "{text}");
        }
        for here in ["127.0.0.1:10000", "localhost:10000", "[::1]:10000"] {
            let text = format!("BlobEndpoint=http://{here}/acme;SharedAccessSignature=sig=SECRET");
            assert!(Connection::from_string(&text, false).is_ok(), "{here}");
        }
    }

    fn reads(text: &str, endpoint: &str, credential: Credential) {
        reads_with(text, false, endpoint, credential);
    }

    fn reads_over_http(text: &str, endpoint: &str, credential: Credential) {
        reads_with(text, true, endpoint, credential);
    }

    fn reads_with(text: &str, allow_http: bool, endpoint: &str, credential: Credential) {
        let endpoint = Url::parse(endpoint).unwrap();
        assert_eq!(
            Connection::from_string(text, allow_http).unwrap(),
            Connection { endpoint, credential },
            "{text}"
        );
    }
}
