//! What a file has, and what a mapping file says, before anything is loaded.

use std::io::Write;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    many_streams::peak_memory_bytes,
    support::{Answer, Server, Services, send},
};

async fn preview(server: &Server, name: &str) -> Answer {
    server.get(&format!("/api/files/{name}/preview")).await
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_file_shows_how_it_is_written_and_its_first_records() {
    let services = Services::start().await;
    let content = "ErpNo;Name;\"Note; long\"\nK-1;\"Meier; Jana\";\"say \"\"hi\"\"\"\nK-2;short\nK-3;O'Neil;\n";
    services.put("exports/a b.csv", content).await;
    let server = services.serve().await;

    let shown = preview(&server, "exports/a%20b.csv").await;

    let blob = services.store.properties("exports/a b.csv").await.unwrap();
    let expected = json!({
        "file": "exports/a b.csv",
        "bytes": content.len(),
        "etag": blob.etag.to_string(),
        "packing": "plain",
        "encoding": "utf-8",
        "delimiter": ";",
        "quote": "\"",
        "escape": null,
        "columns": ["ErpNo", "Name", "Note; long"],
        "rows": [
            {"record": 1, "cells": ["K-1", "Meier; Jana", "say \"hi\""]},
            {"record": 3, "cells": ["K-3", "O'Neil", ""]},
        ],
        "rejects": [{
            "record": 2,
            "code": "FIELD_COUNT",
            "message": shown.json()["rejects"][0]["message"],
        }],
        "isAll": true,
        "rowsAbout": 3,
    });
    assert_eq!(shown.json(), expected);
    assert_eq!(preview(&server, "exports%2Fa%20b.csv").await.json(), expected);
    assert_eq!(server.get("/api/sync").await.json()["runs"], json!([]));
}

#[tokio::test]
async fn a_preview_reads_a_file_as_a_run_would() {
    let mut services = Services::start().await;
    services.set("CSV_ENCODING", "windows-1252");
    services.set("CSV_ESCAPE", "backslash");
    let latin = [b"Name,Ort\n\"M\\\"x\",Z\xfcrich\n".as_slice()].concat();
    services.put("latin.csv", latin.clone()).await;
    services.put("latin.csv.gz", gzip(&latin)).await;
    let utf16: Vec<u8> =
        "\u{feff}Name\tOrt\nMax\tZürich\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    services.put("utf16.txt", utf16).await;
    let server = services.serve().await;
    let told = |answer: &Answer| {
        let shown = answer.json();
        let told = ["packing", "encoding", "delimiter", "escape", "rowsAbout"];
        (told.map(|name| shown[name].clone()), shown["rows"][0]["cells"].clone())
    };

    let plain = told(&preview(&server, "latin.csv").await);
    let packed = told(&preview(&server, "latin.csv.gz").await);
    services.set("CSV_ENCODING", "utf-8");
    let other = services.serve().await;
    let marked = told(&preview(&other, "utf16.txt").await);

    let text = |words: [&str; 4]| words.map(Value::from);
    let with_rows = |[a, b, c, d]: [Value; 4]| [a, b, c, d, json!(1)];
    let cells = json!(["M\"x", "Zürich"]);
    let settings = with_rows(text(["plain", "windows-1252", ",", "\\"]));
    assert_eq!(plain, (settings, cells.clone()));
    assert_eq!(packed, (with_rows(text(["gzip", "windows-1252", ",", "\\"])), cells));
    assert_eq!(
        marked,
        (with_rows(text(["plain", "UTF-16LE", "\t", "\\"])), json!(["Max", "Zürich"]))
    );
}

#[tokio::test]
async fn a_preview_of_a_large_file_is_a_small_answer() {
    let services = Services::start().await;
    services.put_rows("many.csv", 200_000).await;
    let wide: Vec<String> = (0..1_000).map(|column| format!("column {column}")).collect();
    let cell = "ü".repeat(400);
    let row = vec![cell.as_str(); 1_000].join(",");
    services.put("wide.csv", format!("{}\n{}", wide.join(","), format!("{row}\n").repeat(8))).await;
    let server = services.serve().await;

    let many = preview(&server, "many.csv").await.json();
    let wide = preview(&server, "wide.csv").await;

    let about = many["rowsAbout"].as_u64().unwrap();
    assert!((150_000..=250_000).contains(&about), "{about}");
    assert_eq!((many["rows"].as_array().unwrap().len(), &many["isAll"]), (20, &json!(false)));
    assert!(wide.body.len() < 2 << 20, "{} bytes", wide.body.len());
    let first = &wide.json()["rows"][0]["cells"][999];
    assert_eq!(first.as_str().unwrap(), format!("{}…", "ü".repeat(200)));
}

#[tokio::test]
async fn a_rejects_file_is_shown_as_the_rows_that_it_gives_back() {
    let services = Services::start().await;
    services.put("a.csv", "id,name\n1,one\n").await;
    let rejects = "id,name,_record,_code,_message\n7,seven,7,INVALID_EMAIL_ADDRESS,no\n";
    services.put("saved.csv", rejects).await;
    let server = services.serve().await;

    let shown = preview(&server, "saved.csv").await.json();

    assert_eq!(shown["columns"], json!(["id", "name"]));
    assert_eq!(shown["rows"][0]["cells"], json!(["7", "seven"]));
}

#[tokio::test]
async fn hostile_files_and_names_cost_a_preview_little() {
    let services = Services::start().await;
    let empty_lines = gzip(&b"\n".repeat(64 << 20));
    services.put("empty-lines.csv", empty_lines).await;
    services.put("null.csv", vec![0_u8; 1 << 20]).await;
    services.put("binary.csv", (0..=255_u8).cycle().take(1 << 20).collect::<Vec<u8>>()).await;
    services.put("zip.csv", b"PK\x03\x04 and more of it".to_vec()).await;
    let endless = format!("a,b\n\"{}", "x".repeat(8 << 20));
    services.put("endless.csv", endless).await;
    let server = services.serve().await;
    let before = peak_memory_bytes(server.pid());

    for (file, words) in
        [("empty-lines.csv", "header"), ("null.csv", ""), ("binary.csv", ""), ("zip.csv", "")]
    {
        let refused = preview(&server, file).await;
        assert_eq!(refused.status, 422, "{file}: {refused:?}");
        assert!(refused.error().contains(words), "{file}: {refused:?}");
    }
    let endless = preview(&server, "endless.csv").await;
    for name in ["", ".", "..", "a%00", "%0a", "%ff", "%2f", "a%5Cb", "..%2f..%2fx", "%1b[31m"] {
        let refused = preview(&server, name).await;
        assert!([400, 404, 405].contains(&refused.status), "{name}: {refused:?}");
        assert!(!refused.body.contains('\u{1b}'), "{refused:?}");
    }

    assert_eq!(endless.status, 200);
    assert!(endless.body.len() < 10_000, "{} bytes", endless.body.len());
    let grown = peak_memory_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes");
}

async fn read_mapping(server: &Server, sdl: &str) -> Answer {
    server.post_json("/api/mappings", &json!({ "sdl": sdl })).await
}

#[tokio::test]
async fn a_mapping_file_becomes_columns_and_constants_of_a_load() {
    let services = Services::start().await;
    services.put("a.csv", "Nr,Name,Note\n1,Ada,x\n").await;
    let server = services.serve().await;
    let sdl =
        "# ours\nNr=ErpKey__c\nName=LastName, Alias__c\nNote=\n\"Buyer\"=Title\nBlau\\ rot=A\\:B";

    let answer = read_mapping(&server, sdl).await;

    let said = answer.json();
    assert_eq!(
        said,
        json!({
            "columns": {
                "Nr": "ErpKey__c",
                "Name": ["LastName", "Alias__c"],
                "Blau rot": "A:B",
            },
            "constants": {"Title": "Buyer"},
        })
    );
    let load = json!({
        "object": "Contact",
        "externalId": "ErpKey__c",
        "columns": said["columns"],
        "constants": said["constants"],
    });
    let started =
        server.post_json("/api/sync/start", &json!({"fileName": "a.csv", "load": load})).await;
    assert_eq!(started.status, 202, "a load takes it as it is: {started:?}");
}

#[tokio::test]
async fn a_mapping_file_that_cannot_be_used_is_refused_with_its_line() {
    let server = Services::start().await.serve().await;
    let cases = [
        ("A=B\n\nName", Some(3), "line 3: there is no `=`"),
        ("A=B\nA=C", Some(2), "`A` is mapped on line 1 already"),
        ("A\u{1b}=B\nA\u{1b}=C", Some(2), r"`A\u001b` is mapped"),
        ("", None, "it maps no column"),
        ("Note=", None, "it maps no column"),
        ("A=B\n\"x\"=Title\n\"y\"=TITLE", None, "two values for all rows fill the field TITLE"),
    ];

    for (sdl, line, words) in cases {
        let refused = read_mapping(&server, sdl).await;
        assert_eq!(refused.status, 422, "{sdl:?}: {refused:?}");
        assert_eq!(refused.json()["line"].as_u64(), line, "{sdl:?}: {refused:?}");
        assert!(refused.error().contains(words), "{sdl:?}: {refused:?}");
    }
    let long = read_mapping(&server, &"x".repeat(512 << 10)).await;
    assert_eq!(long.status, 413, "{long:?}");
    for body in [json!({}), json!({"sdl": 7}), json!({"sdl": "A=B", "path": "/etc/passwd"})] {
        let refused = server.post_json("/api/mappings", &body).await;
        assert_eq!(refused.status, 400, "{body}: {refused:?}");
    }
    let form = server.request(Method::POST, "/api/mappings").body("A=B");
    assert_eq!(send(form.header("content-type", "text/plain")).await.status, 415);
}

#[tokio::test]
async fn only_who_has_the_token_sees_a_preview() {
    let mut services = Services::start().await;
    services.set("API_TOKEN", "a-token-of-thirty-two-characters");
    services.put_rows("a.csv", 3).await;
    let server = services.serve().await;

    assert_eq!(preview(&server, "a.csv").await.status, 401);
    assert_eq!(read_mapping(&server, "A=B").await.status, 401);
    let shown = server.request(Method::GET, "/api/files/a.csv/preview");
    let shown = shown.bearer_auth("a-token-of-thirty-two-characters");
    assert_eq!(send(shown).await.status, 200);
}
