//! Below the API: versions, paths, limits, packing, sizes.

use std::io::{Read, Write};

use flate2::{
    Compression,
    read::GzDecoder,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use reqwest::{Method, StatusCode, header};
use salesforce_simulator::Config;
use serde_json::{Value, json};

use crate::client::{LEADS, Org, lead, read, records_of, refused, reply};

#[tokio::test]
async fn the_versions_are_listed_without_a_token() {
    let org = Org::start().await;

    let response = org.request(Method::GET, "/services/data/").send().await.unwrap();

    assert!(!response.headers().contains_key("sforce-limit-info"));
    let versions = read(response).await.json;
    let wanted = json!({"label": "Summer '25", "url": "/services/data/v64.0", "version": "64.0"});
    assert!(versions.as_array().unwrap().contains(&wanted), "{versions}");
}

#[tokio::test]
async fn version_31_and_later_are_served_and_older_ones_are_gone() {
    for version in ["v31.0", "v62.0", "v67.0", "v99.0"] {
        let org = Org::start().await.at_version(version);
        assert_eq!(org.get("/limits").await.status, StatusCode::OK, "{version}");
    }
    let old = Org::start().await.at_version("v30.0");
    let expected = refused(410, "GONE", "API version 30.0 is retired; use 31.0 or later");
    assert_eq!(old.get("/limits").await, expected);
    let none = Org::start().await.at_version("62.0");
    let expected = refused(404, "NOT_FOUND", "The requested resource does not exist");
    assert_eq!(none.get("/limits").await, expected);
}

#[tokio::test]
async fn double_and_last_slashes_do_not_matter() {
    let org = Org::start().await;
    for path in [
        "/services/data/v62.0/limits/",
        "//services/data/v62.0/limits",
        "/services//data///v62.0//limits//",
    ] {
        let request = org.request(Method::GET, path).bearer_auth(&org.token);
        assert_eq!(reply(request).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_answered_in_json() {
    let org = Org::start().await;
    let nothing = refused(404, "NOT_FOUND", "The requested resource does not exist");

    assert_eq!(reply(org.request(Method::GET, "/")).await, nothing);
    assert_eq!(reply(org.request(Method::GET, "/lightning")).await, nothing);
    assert_eq!(org.get("/nothing").await, nothing);
    assert_eq!(org.get("/%zz").await.status, StatusCode::NOT_FOUND);
    let wrong = org.post("/limits", json!({})).await;
    let message = "HTTP Method 'POST' not allowed. Allowed are GET";
    assert_eq!(wrong, refused(405, "METHOD_NOT_ALLOWED", message));
}

#[tokio::test]
async fn the_limit_header_counts_every_call_whatever_its_row_count() {
    let config = Config { daily_limit: 15_000, ..Config::default() };
    let org = Org::with(config).await;
    let usage = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        response.headers()["sforce-limit-info"].to_str().unwrap().to_owned()
    };

    let leads = records_of("Lead", (0..50).map(|number| lead(&format!("K-{number}"))));
    let first = usage(org.call(Method::PATCH, LEADS).json(&leads)).await;
    let second = usage(org.call(Method::GET, "/nothing")).await;

    assert_eq!(first, "api-usage=1/15000");
    assert_eq!(second, "api-usage=2/15000");
    let limits = org.get("/limits/").await.json;
    assert_eq!(limits["DailyApiRequests"], json!({"Max": 15_000, "Remaining": 14_997}));
}

#[tokio::test]
async fn beyond_the_daily_limit_every_call_is_refused() {
    let org = Org::with(Config { daily_limit: 1, ..Config::default() }).await;

    assert_eq!(org.get("/limits").await.status, StatusCode::OK);
    let expected = refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
    assert_eq!(org.get("/limits").await, expected);
    assert_eq!(org.simulator.state().api_calls, 1);
}

fn packed(encoding: &str, text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    match encoding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

#[tokio::test]
async fn packed_requests_are_unpacked() {
    let org = Org::start().await;
    for (packing, encoding) in [("gzip", "gzip"), ("deflate", "deflate"), ("bare", "deflate")] {
        let body = records_of("Lead", [lead(packing)]).to_string();
        let request = org
            .call(Method::PATCH, LEADS)
            .header(header::CONTENT_ENCODING, encoding)
            .body(packed(packing, &body));

        let results = reply(request).await.json;

        assert_eq!(results[0]["created"], true, "{packing}: {results}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_packed_as_it_says_is_refused() {
    let org = Org::start().await;
    let request = |encoding: &str| {
        org.call(Method::PATCH, LEADS).header(header::CONTENT_ENCODING, encoding).body("{}")
    };

    let gzip = reply(request("gzip")).await;
    assert_eq!(gzip.json[0]["errorCode"], "JSON_PARSER_ERROR");
    let brotli = reply(request("br")).await;
    let expected = "Content-Encoding is gzip or deflate";
    assert_eq!(brotli, refused(415, "UNSUPPORTED_MEDIA_TYPE", expected));
}

#[tokio::test]
async fn long_answers_are_packed_for_who_takes_them() {
    let org = Org::start().await;
    let plain = reqwest::Client::builder().no_gzip().no_proxy().build().unwrap();
    let url = format!("{}/services/data/v62.0/sobjects/Lead/describe", org.simulator.url());

    let response = plain
        .get(&url)
        .bearer_auth(&org.token)
        .header(header::ACCEPT_ENCODING, "deflate, gzip;q=0.9")
        .send()
        .await
        .unwrap();

    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let bytes = response.bytes().await.unwrap();
    let mut text = String::new();
    GzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["name"], "Lead");
    let unpacked = plain.get(&url).bearer_auth(&org.token).send().await.unwrap();
    assert!(!unpacked.headers().contains_key(header::CONTENT_ENCODING));
}

#[tokio::test]
async fn a_body_has_a_limit_packed_and_unpacked() {
    let org = Org::with(Config { body_bytes_max: 10_000, ..Config::default() }).await;
    let expected = "the body is larger than 10000 bytes";
    let too_large = refused(413, "REQUEST_ENTITY_TOO_LARGE", expected);
    let body = " ".repeat(10_001);

    let plain = org.call(Method::PATCH, LEADS).body(body.clone());
    assert_eq!(reply(plain).await, too_large);
    let bomb = org
        .call(Method::PATCH, LEADS)
        .header(header::CONTENT_ENCODING, "gzip")
        .body(packed("gzip", &body));
    assert_eq!(reply(bomb).await, too_large);
}

#[tokio::test]
async fn request_line_and_headers_have_a_limit() {
    let org = Org::start().await;

    let line = org.get(&format!("/limits?x={}", "x".repeat(16_384))).await;
    assert_eq!(line.status, StatusCode::URI_TOO_LONG);
    let headers = org.call(Method::GET, "/limits").header("x-long", "x".repeat(16_384));
    assert_eq!(reply(headers).await.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}
