//! Fills a running simulator with leads through collections upsert, or with
//! `--bulk` through ingest jobs, and says how fast that went and how much memory it
//! took.
//!
//! ```text
//! salesforce-simulator --listen 127.0.0.1:8099 &
//! cargo run --release --example load -- --url http://127.0.0.1:8099 --process $!
//! ```
//!
//! Pin the two to different cores (`taskset`) to see what one core serves.

use std::{
    fmt::Write,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;
use futures::future;
use serde_json::{Value, json};

#[derive(Debug, Parser)]
struct Args {
    /// Where the simulator is.
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    url: String,
    /// Its process, to read its memory.
    #[arg(long)]
    process: Option<u32>,
    /// How many leads.
    #[arg(long, default_value_t = 2_000_000)]
    rows: u64,
    /// Through ingest jobs: `--batch` is then the rows of one job.
    #[arg(long)]
    bulk: bool,
    /// How many in one call.
    #[arg(long, default_value_t = 200)]
    batch: u64,
    /// How many calls at once.
    #[arg(long, default_value_t = 4)]
    calls: usize,
    /// How often each lead is written.
    #[arg(long, default_value_t = 1)]
    times: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    tls::provide();
    let http = reqwest::Client::builder().no_gzip().no_proxy().build()?;
    let token = log_in(&http, &args.url).await?;
    let before = resident_bytes(args.process);
    for pass in 0..args.times {
        let (started, next) = (Instant::now(), AtomicU64::new(0));
        let workers = (0..args.calls).map(|_| work(&args, &http, &token, &next));
        future::try_join_all(workers).await?;
        let seconds = started.elapsed().as_secs_f64();
        let rate = rounded(args.rows, seconds);
        say(&format!(
            "pass {pass}: {} rows in {seconds:.1} s, {rate} rows/s, {} rows a call",
            args.rows, args.batch
        ));
    }
    if let (Some(before), Some(after)) = (before, resident_bytes(args.process)) {
        let each = (after.saturating_sub(before)) / args.rows;
        say(&format!(
            "memory: {} MiB before, {} MiB after, {each} bytes a row, of which {} are its texts",
            before >> 20,
            after >> 20,
            text_bytes(args.rows - 1)
        ));
    }
    Ok(())
}

async fn work(
    args: &Args,
    http: &reqwest::Client,
    token: &str,
    next: &AtomicU64,
) -> anyhow::Result<()> {
    let path = "/services/data/v62.0/composite/sobjects/Lead/External_Id__c";
    let url = format!("{}{path}", args.url);
    loop {
        let first = next.fetch_add(args.batch, Ordering::Relaxed);
        if first >= args.rows {
            return Ok(());
        }
        let rows = first..args.rows.min(first + args.batch);
        if args.bulk {
            let jobs = format!("{}/services/data/v62.0/jobs/ingest", args.url);
            run_job(http, token, &jobs, rows).await?;
            continue;
        }
        let body = body(rows);
        let response = http.patch(&url).bearer_auth(token).body(body).send().await?;
        ensure!(response.status().is_success(), "the simulator answered {}", response.status());
        response.bytes().await?;
    }
}

/// One job from its order to its end.
async fn run_job(
    http: &reqwest::Client,
    token: &str,
    jobs: &str,
    rows: std::ops::Range<u64>,
) -> anyhow::Result<()> {
    let order = json!({"object": "Lead", "operation": "upsert",
        "externalIdFieldName": "External_Id__c"});
    let request = http.post(jobs).bearer_auth(token).json(&order);
    let job: Value = request.send().await?.error_for_status()?.json().await?;
    let job = format!("{jobs}/{}", job["id"].as_str().context("the job has no id")?);
    let lines = rows.map(texts).map(|cells| cells.join(",") + "\n").collect::<String>();
    let content = format!("External_Id__c,LastName,Email,Company\n{lines}");
    let upload = http.put(format!("{job}/batches")).bearer_auth(token);
    let upload = upload.header("content-type", "text/csv").body(content);
    upload.send().await?.error_for_status()?;
    let close = http.patch(&job).bearer_auth(token).json(&json!({"state": "UploadComplete"}));
    close.send().await?.error_for_status()?;
    loop {
        let poll = http.get(&job).bearer_auth(token).send().await?.error_for_status()?;
        let poll: Value = poll.json().await?;
        match poll["state"].as_str() {
            Some("UploadComplete" | "InProgress") => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            state => {
                ensure!(state == Some("JobComplete"), "the job ended as {state:?}");
                break;
            }
        }
    }
    http.delete(&job).bearer_auth(token).send().await?.error_for_status()?;
    Ok(())
}

/// Leads as `generate-upload` makes them.
fn body(rows: std::ops::Range<u64>) -> String {
    let mut body = String::with_capacity(64 * 1024);
    body.push_str(r#"{"allOrNone":false,"records":["#);
    for row in rows {
        let separator = if body.ends_with('[') { "" } else { "," };
        let [key, name, email, company] = texts(row);
        // Writing to a string cannot fail.
        let _always_ok = write!(
            body,
            r#"{separator}{{"attributes":{{"type":"Lead"}},"External_Id__c":"{key}","LastName":"{name}","Email":"{email}","Company":"{company}"}}"#
        );
    }
    body.push_str("]}");
    body
}

fn texts(row: u64) -> [String; 4] {
    [
        format!("EXT-{row:010}"),
        format!("Customer {row}"),
        format!("customer{row}@example.com"),
        format!("Company {}", row % 5000),
    ]
}

fn text_bytes(row: u64) -> usize {
    texts(row).iter().map(String::len).sum()
}

async fn log_in(http: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", salesforce_simulator::Config::CLIENT_ID),
        ("client_secret", salesforce_simulator::Config::CLIENT_SECRET),
    ];
    let answer = http.post(format!("{url}/services/oauth2/token")).form(&form).send().await?;
    let answer: Value = answer.json().await?;
    Ok(answer["access_token"].as_str().context("the login gave no token")?.to_owned())
}

/// Memory of a process as Linux counts it; `None` elsewhere.
fn resident_bytes(process: Option<u32>) -> Option<u64> {
    let status = fs::read_to_string(PathBuf::from(format!("/proc/{}/status", process?))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure for people"
)]
fn rounded(rows: u64, seconds: f64) -> u64 {
    (rows as f64 / seconds) as u64
}

#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
fn say(line: &str) {
    println!("{line}");
}
