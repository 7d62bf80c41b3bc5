//! Rejects files: listed, and downloaded.

use serde_json::json;

use crate::support::{Deliverer, Services};

#[tokio::test]
async fn rejects_files_are_listed_for_who_asks_for_them() {
    let services = Services::start().await;
    for name in ["a.csv", "rejects/1.csv", "rejects/2.csv", "rejects/3.csv", "z.csv"] {
        services.put(name, "id\n").await;
    }
    let server = services.serve().await;
    let names = async |query: &str| {
        let page = server.get(&format!("/api/files{query}")).await.json();
        let files = page["files"].as_array().unwrap().clone();
        let names: Vec<_> = files.iter().map(|file| file["name"].clone()).collect();
        (names, page["next"].as_str().map(str::to_owned))
    };

    assert_eq!(names("").await, (vec![json!("a.csv"), json!("z.csv")], None));
    // What follows them is not hidden behind empty pages.
    let (first, next) = names("?limit=1").await;
    let (second, _) = names(&format!("?limit=1&after={}", next.unwrap())).await;
    assert_eq!((first, second), (vec![json!("a.csv")], vec![json!("z.csv")]));
    assert_eq!(names("?prefix=rejects%2F").await.0.len(), 3);
}

#[tokio::test]
async fn a_download_has_all_rejected_rows_as_soon_as_the_run_has_ended() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    server.report(&run, |report| report["status"] == "draining").await;

    Deliverer::new(&services).await.reject(2, "BAD").await;
    let answer = server.get(&format!("/api/sync/{run}/rejects")).await;

    assert_eq!((answer.status, answer.body.lines().count()), (200, 21), "{answer:?}");
}

#[tokio::test]
async fn a_list_leaves_codes_out_when_they_are_many() {
    let services = Services::start().await;
    for (file, batches) in [("few.csv", 20), ("many.csv", 200)] {
        services.put_rows(file, batches * 10).await;
    }
    let server = services.serve().await;
    let mut runs = Vec::new();
    for (file, batches) in [("few.csv", 20), ("many.csv", 200)] {
        let run = server.start(file).await.run();
        let mut deliverer = Deliverer::new(&services).await;
        for code in 0..batches {
            deliverer.reject(1, &format!("CODE_{code}")).await;
        }
        runs.push((run, batches));
    }

    let listed = server.get("/api/sync").await.json();
    for (run, codes) in runs {
        let shown = server.get(&format!("/api/sync/{run}")).await.json();
        let listed = listed["runs"].as_array().unwrap().iter().find(|other| other["run"] == run);
        let number =
            |report: &serde_json::Value| report["rejectedByCode"].as_object().unwrap().len();
        assert_eq!(number(&shown), codes, "{shown}");
        assert_eq!(number(listed.unwrap()), if codes == 20 { 20 } else { 0 }, "{listed:?}");
    }
}

#[tokio::test]
async fn the_rejects_file_can_be_downloaded() {
    let services = Services::start().await;
    services.put_rows("rows.csv", 20).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let rejects = format!("/api/sync/{run}/rejects");
    let missing = server.get(&rejects).await;
    assert_eq!((missing.status, missing.error().contains("no rejects file")), (404, true));
    let mut deliverer = Deliverer::new(&services).await;
    deliverer.deliver(1).await;
    deliverer.reject(1, "BAD").await;
    server.report(&run, |report| report["rejectsWrittenBytes"].as_u64() > Some(0)).await;

    let answer = server.get(&rejects).await;

    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let disposition = format!("attachment; filename=\"rejects-{run}.csv\"");
    assert_eq!(answer.header("content-disposition"), disposition);
    let mut lines = answer.body.lines();
    assert_eq!(lines.next(), Some("id,name,_record,_code,_message"));
    assert_eq!(
        (lines.clone().count(), lines.next()),
        (10, Some("11,name 11,11,BAD,\"BAD, says the test\""))
    );

    let copy = server.get(&format!("{rejects}?for=spreadsheet")).await;
    let disposition = format!("attachment; filename=\"rejects-{run}-for-spreadsheets.csv\"");
    assert_eq!(copy.header("content-disposition"), disposition);
    let lines: Vec<&str> = copy.body.split("\r\n").collect();
    assert_eq!(lines.len(), 12, "a header, ten rows, and the end");
    let header = "\u{feff}\"id\",\"name\",\"_record\",\"_code\",\"_message (for spreadsheets)\"";
    assert_eq!(lines[..2], [header, "\"11\",\"name 11\",\"11\",\"BAD\",\"BAD, says the test\""]);
    for query in ["?for=dinner", "?for=", "?what=spreadsheet"] {
        assert_eq!(server.get(&format!("{rejects}{query}")).await.status, 400, "{query}");
    }
}
