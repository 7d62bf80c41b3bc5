//! A run's report as one HTML file: no script, no other file, light and dark.

mod chart;
#[cfg(test)]
mod tests;

use job_queue::{Ledger, Series};

use crate::{
    figures::{duration, grouped, moment},
    report::Report,
    status::Status,
};

/// The whole page.
pub(crate) fn page(report: &Report, series: &Series) -> String {
    let ledger = report.ledger();
    let status = Status::of(ledger);
    let run = escaped(ledger.run.as_str());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
         'unsafe-inline'\">\n<title>{run} – Batch Sync</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <h1>{run} <span class=\"pill {status}\">{status}</span></h1>\n\
         <p class=\"soft\">{} · started {} · as of {}</p>\n{}{}{}{}{}</body>\n</html>\n",
        include_str!("style.css"),
        escaped(&ledger.file),
        moment(ledger.started_at_ms),
        moment(ledger.finished_at_ms.unwrap_or(ledger.now_ms)),
        figures(report),
        throughput(series),
        codes(ledger),
        lines(report),
        buckets(series),
    )
}

fn figures(report: &Report) -> String {
    let ledger = report.ledger();
    let left = ledger.unfinished() + ledger.cancelled();
    let left_name = if ledger.cancelled() > 0 { "cancelled" } else { "unfinished" };
    let figure =
        |value: String, name: &str| format!("<div><b>{value}</b><span>{name}</span></div>");
    let bar = chart::outcome_bar(&[
        ("delivered", ledger.delivered()),
        ("rejected", ledger.rejected),
        ("unfinished", left),
    ]);
    section(
        None,
        &format!(
            "<div class=\"figures\">{}{}{}{}{}</div>\n{bar}",
            figure(grouped(ledger.read), "rows read"),
            figure(grouped(ledger.delivered()), "delivered"),
            figure(grouped(ledger.rejected), "rejected"),
            figure(grouped(left), left_name),
            report
                .time_name()
                .map(|name| figure(duration(report.took()), name))
                .unwrap_or_default(),
        ),
    )
}

fn throughput(series: &Series) -> String {
    if series.buckets.is_empty() {
        return String::new();
    }
    let key = |class: &str, name: &str| {
        format!(
            "<span><svg viewBox=\"0 0 8 8\" aria-hidden=\"true\">{}</svg>{name}</span>",
            match class {
                "read" => "<path class=\"read\" d=\"M0 4H8\"/>".to_owned(),
                class => format!("<rect class=\"{class}\" width=\"8\" height=\"8\"/>"),
            }
        )
    };
    let keys = [
        ("delivered", "delivered"),
        ("rejected", "rejected"),
        ("read", "read (bursts are cut off)"),
    ];
    let keys: String = keys.iter().map(|(class, name)| key(class, name)).collect();
    let chart = chart::throughput(series);
    section(Some("Rows per second"), &format!("{chart}\n<div class=\"key\">{keys}</div>"))
}

fn codes(ledger: &Ledger) -> String {
    if ledger.rejected_by_code.is_empty() {
        return String::new();
    }
    section(Some("Rejected rows by code"), &chart::by_code(&ledger.rejected_by_code))
}

fn lines(report: &Report) -> String {
    let rows = report
        .lines()
        .into_iter()
        .map(|(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>\n", escaped(&value)));
    section(Some("Report"), &format!("<table>\n{}</table>", rows.collect::<String>()))
}

/// The figures of the chart, for those who cannot see it.
fn buckets(series: &Series) -> String {
    if series.buckets.is_empty() {
        return String::new();
    }
    let rows = series.buckets.iter().zip(0_u64..).map(|(bucket, at)| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            seconds(series.bucket_ms * at),
            grouped(bucket.read),
            grouped(bucket.delivered),
            grouped(bucket.rejected)
        )
    });
    let table = format!(
        "<details><summary>Rows over time as a table</summary><table class=\"many\">\n\
         <tr><th>from second</th><th>read</th><th>delivered</th><th>rejected</th></tr>\n{}</table></details>",
        rows.collect::<String>()
    );
    section(None, &table)
}

/// Milliseconds as seconds, without a fraction that says nothing.
fn seconds(ms: u64) -> String {
    let fraction = format!("{:03}", ms % 1_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", grouped(ms / 1_000))
}

fn section(title: Option<&str>, content: &str) -> String {
    let title = title.map(|title| format!("<h2>{title}</h2>\n")).unwrap_or_default();
    format!("<section>\n{title}{content}\n</section>\n")
}

/// A text from outside, safe between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in service::shown(text, service::SENTENCE_MAX).chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            character => safe.push(character),
        }
    }
    safe
}
