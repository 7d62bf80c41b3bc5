use azure_core::{credentials::Secret, hmac::hmac_sha256};
use time::{Duration, OffsetDateTime, macros::format_description};

use crate::azurite::{AZURITE_ACCOUNT, AZURITE_KEY};

/// A connection string of an Azurite at `address`, with an account SAS for everything on
/// blobs, as long as it lasts (whole seconds).
/// <https://learn.microsoft.com/rest/api/storageservices/create-account-sas>
///
/// # Panics
///
/// When the library cannot sign.
#[must_use]
pub fn azurite_sas_connection_string(address: &str, lasts: Duration) -> String {
    let iso = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let expiry = (OffsetDateTime::now_utc() + lasts).format(iso).expect("a time can be written");
    let (version, services, types, permissions) = ("2021-12-02", "b", "sco", "rwdlac");
    let text = format!(
        "{AZURITE_ACCOUNT}\n{permissions}\n{services}\n{types}\n\n{expiry}\n\nhttps,http\n{version}\n\n"
    );
    let key = Secret::new(AZURITE_KEY);
    let signature = hmac_sha256(&text, &key).expect("the public key is a key");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("sv", version),
        ("ss", services),
        ("srt", types),
        ("sp", permissions),
        ("se", &expiry),
        ("spr", "https,http"),
        ("sig", &signature),
    ]);
    format!(
        "BlobEndpoint=http://{address}/{AZURITE_ACCOUNT};SharedAccessSignature={}",
        query.finish()
    )
}
