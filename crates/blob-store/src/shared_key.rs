//! Signs requests with the account key ("Shared Key").
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use azure_core::{
    credentials::Secret,
    hmac::hmac_sha256,
    http::{
        Context, Request, Url,
        headers::Headers,
        policies::{Policy, PolicyResult},
    },
    time::{OffsetDateTime, to_rfc7231},
};

/// The headers whose values are signed in a place of their own, in this order.
const SIGNED_BY_PLACE: [&str; 11] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    // The date has a place, but `x-ms-date` is signed instead.
    "",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// To be run once per try, so that date and signature are always fresh.
#[derive(Debug)]
pub(crate) struct SharedKeyPolicy {
    account: String,
    key: Secret,
}

impl SharedKeyPolicy {
    /// `key` is in base64, as Azure shows it.
    pub(crate) fn new(account: String, key: Secret) -> Self {
        Self { account, key }
    }
}

#[async_trait]
impl Policy for SharedKeyPolicy {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        // Some operations leave the length to the HTTP client, which adds it
        // after this; but it is signed.
        if let Some(length @ 1..) = request.body().len() {
            request.insert_header("content-length", length.to_string());
        }
        request.insert_header("x-ms-date", to_rfc7231(&OffsetDateTime::now_utc()));
        let text = string_to_sign(
            request.method().as_ref(),
            request.headers(),
            request.url(),
            &self.account,
        );
        let signature = hmac_sha256(&text, &self.key)?;
        request.insert_header("authorization", format!("SharedKey {}:{signature}", self.account));
        next[0].send(context, request, &next[1..]).await
    }
}

fn string_to_sign(method: &str, headers: &Headers, url: &Url, account: &str) -> String {
    // The library holds all names in lower case.
    let headers: BTreeMap<&str, &str> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().trim())).collect();
    let value = |name: &str| match (name, headers.get(name).copied().unwrap_or_default()) {
        ("content-length", "0") => "",
        (_, value) => value,
    };

    let mut text = format!("{method}\n");
    for name in SIGNED_BY_PLACE {
        text.push_str(value(name));
        text.push('\n');
    }
    for (name, value) in headers.iter().filter(|(name, _)| name.starts_with("x-ms-")) {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(&canonical_resource(url, account));
    text
}

/// The path as it is sent, then each query parameter, decoded and sorted.
fn canonical_resource(url: &Url, account: &str) -> String {
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in url.query_pairs() {
        parameters.entry(name.to_ascii_lowercase()).or_default().push(value.into_owned());
    }

    let mut text = format!("/{account}{}", url.path());
    for (name, mut values) in parameters {
        values.sort_unstable();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the page named above, "Shared Key format for 2009-09-19 and later".
    #[test]
    fn the_documented_example_gives_the_documented_string() {
        let text = signed(
            "GET",
            &[("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"), ("x-ms-version", "2015-02-21")],
            "https://myaccount.blob.core.windows.net/mycontainer\
             ?restype=container&comp=metadata&timeout=20",
            "myaccount",
        );

        assert_eq!(
            text,
            "GET\n\n\n\n\n\n\n\n\n\n\n\n\
             x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n\
             /myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        );
    }

    #[test]
    fn every_standard_header_has_its_line() {
        let text = signed(
            "PUT",
            &[
                ("content-encoding", "gzip"),
                ("content-language", "de"),
                ("content-length", "11"),
                ("content-md5", "md5"),
                ("content-type", "text/csv"),
                ("date", "never signed: x-ms-date is"),
                ("if-modified-since", "1"),
                ("if-match", "2"),
                ("if-none-match", "3"),
                ("if-unmodified-since", "4"),
                ("range", "bytes=0-9"),
                ("accept", "not signed"),
                ("x-ms-version", " 2015-02-21 "),
            ],
            "http://127.0.0.1:10000/devstoreaccount1/c/a/%C3%A4%20b.csv?comp=block&blockid=AA%3D%3D",
            "devstoreaccount1",
        );

        assert_eq!(
            text,
            "PUT\ngzip\nde\n11\nmd5\ntext/csv\n\n1\n2\n3\n4\nbytes=0-9\nx-ms-version:2015-02-21\n\
             /devstoreaccount1/devstoreaccount1/c/a/%C3%A4%20b.csv\nblockid:AA==\ncomp:block"
        );
    }

    #[test]
    fn a_length_of_zero_is_signed_as_nothing() {
        let with = signed("PUT", &[("content-length", "0")], "https://a.b/c", "a");
        let without = signed("PUT", &[], "https://a.b/c", "a");

        assert_eq!(with, without);
    }

    #[test]
    fn a_parameter_given_twice_is_signed_as_one_sorted_list() {
        let text = signed("GET", &[], "https://a.b/c?include=snapshots&INCLUDE=metadata", "a");

        assert!(text.ends_with("/a/c\ninclude:metadata,snapshots"), "{text}");
    }

    fn signed(
        method: &str,
        headers: &[(&'static str, &'static str)],
        url: &str,
        account: &str,
    ) -> String {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(*name, *value);
        }
        string_to_sign(method, &all, &Url::parse(url).unwrap(), account)
    }
}
