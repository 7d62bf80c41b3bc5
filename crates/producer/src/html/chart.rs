//! Charts as inline SVG.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use job_queue::{Bucket, Series};

use crate::{
    figures::{grouped, per_second},
    html::escaped,
};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
/// Room for the labels of the axes.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 22.0;

/// Codes that have a bar of their own.
const CODES_SHOWN: usize = 20;

/// One bar for all rows: what became of them.
pub(crate) fn outcome_bar(parts: &[(&'static str, u64)]) -> String {
    let all: u64 = parts.iter().map(|(_, rows)| rows).sum();
    let mut svg = "<svg viewBox=\"0 0 720 14\" role=\"img\" aria-label=\"".to_owned();
    let words: Vec<String> =
        parts.iter().map(|(name, rows)| format!("{} {name}", grouped(*rows))).collect();
    push(&mut svg, format_args!("{}\" preserveAspectRatio=\"none\">", words.join(", ")));
    let mut x = 0.0;
    for (name, rows) in parts {
        let width = WIDTH * share(*rows, all);
        push(
            &mut svg,
            format_args!(
                "<rect class=\"{name}\" x=\"{x:.1}\" width=\"{width:.1}\" height=\"14\"/>"
            ),
        );
        x += width;
    }
    svg.push_str("</svg>");
    svg
}

/// Rows per second over time: delivered and rejected as bars, read as a line.
pub(crate) fn throughput(series: &Series) -> String {
    let bucket = Duration::from_millis(series.bucket_ms);
    // Reading comes in bursts, which would make everything else small: they are cut off.
    let most = series.buckets.iter().map(settled).max();
    let most = per_second(most.unwrap_or_default(), bucket);
    let top = round_up(most);
    let plot = Plot { buckets: series.buckets.len(), bucket, top };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"Rows per second over time, at most \
         {}\">",
        HEIGHT + BOTTOM,
        grouped(most)
    );
    plot.push_axes(&mut svg);
    for (at, counts) in series.buckets.iter().enumerate() {
        plot.push_bar(&mut svg, at, counts);
    }
    plot.push_read(&mut svg, &series.buckets);
    svg.push_str("</svg>");
    svg
}

/// Rejected rows by code, the most frequent first.
pub(crate) fn by_code(codes: &BTreeMap<String, u64>) -> String {
    let mut codes: Vec<(&String, &u64)> = codes.iter().collect();
    codes.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
    let most = codes.first().map_or(1, |(_, rows)| **rows);
    let mut rows = String::new();
    for (code, count) in codes.iter().take(CODES_SHOWN) {
        let width = (100.0 * share(**count, most)).max(0.5);
        push(
            &mut rows,
            format_args!(
                "<tr><th>{}</th><td>{}</td><td><svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" \
                 aria-hidden=\"true\"><rect class=\"rejected\" width=\"{width:.1}\" height=\"6\"/></svg></td></tr>",
                escaped(code),
                grouped(**count)
            ),
        );
    }
    let others = &codes[codes.len().min(CODES_SHOWN)..];
    if !others.is_empty() {
        let rest: u64 = others.iter().map(|(_, rows)| **rows).sum();
        let count = others.len();
        push(
            &mut rows,
            format_args!(
                "<tr><th>{count} other codes</th><td>{}</td><td></td></tr>",
                grouped(rest)
            ),
        );
    }
    format!("<table class=\"codes\">{rows}</table>")
}

struct Plot {
    buckets: usize,
    bucket: Duration,
    /// Rows per second at the upper edge.
    top: u64,
}

impl Plot {
    fn push_axes(&self, svg: &mut String) {
        for part in 0..=4_u64 {
            let y = self.y(self.top * part / 4);
            let label = grouped(self.top * part / 4);
            push(
                svg,
                format_args!(
                    "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
                ),
            );
            push(
                svg,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                    LEFT - 8.0,
                    y + 4.0
                ),
            );
        }
        let step = label_step(self.all());
        let mut time = Duration::ZERO;
        while time <= self.all() {
            let x = LEFT + (WIDTH - LEFT) * time.div_duration_f64(self.all());
            push(
                svg,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                    HEIGHT + BOTTOM - 4.0,
                    time_label(time)
                ),
            );
            time += step;
        }
    }

    /// All of the time that is shown.
    fn all(&self) -> Duration {
        self.bucket * u32::try_from(self.buckets.max(1)).unwrap_or(u32::MAX)
    }

    fn push_bar(&self, svg: &mut String, at: usize, counts: &Bucket) {
        if settled(counts) == 0 {
            return;
        }
        let (x, width) = (self.x(at), (self.x(at + 1) - self.x(at) - 0.5).max(0.5));
        let rejected = self.rate(counts.rejected);
        let all = self.rate(settled(counts));
        let base = self.y(0);
        let (middle, upper) = (self.y(all - rejected), self.y(all));
        let from = time_label(self.bucket * u32::try_from(at).unwrap_or(u32::MAX));
        push(svg, format_args!("<g><title>at {from}: {} rows/s</title>", grouped(all)));
        push(
            svg,
            format_args!(
                "<rect class=\"delivered\" x=\"{x:.1}\" y=\"{middle:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                base - middle
            ),
        );
        if rejected > 0 {
            push(
                svg,
                format_args!(
                    "<rect class=\"rejected\" x=\"{x:.1}\" y=\"{upper:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                    (middle - upper).max(0.5)
                ),
            );
        }
        svg.push_str("</g>");
    }

    fn push_read(&self, svg: &mut String, buckets: &[Bucket]) {
        svg.push_str("<path class=\"read\" d=\"");
        for (at, counts) in buckets.iter().enumerate() {
            let y = self.y(self.rate(counts.read).min(self.top));
            let command = if at == 0 { 'M' } else { 'L' };
            push(svg, format_args!("{command}{:.1} {y:.1}H{:.1}", self.x(at), self.x(at + 1)));
        }
        svg.push_str("\"/>");
    }

    fn rate(&self, rows: u64) -> u64 {
        per_second(rows, self.bucket)
    }

    #[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
    fn x(&self, bucket: usize) -> f64 {
        LEFT + (WIDTH - LEFT) * bucket as f64 / self.buckets.max(1) as f64
    }

    fn y(&self, rate: u64) -> f64 {
        8.0 + (HEIGHT - 8.0) * (1.0 - share(rate, self.top))
    }
}

fn settled(bucket: &Bucket) -> u64 {
    bucket.delivered + bucket.rejected
}

#[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
fn share(part: u64, of: u64) -> f64 {
    part as f64 / of.max(1) as f64
}

/// The next number that reads well on an axis and divides by four.
fn round_up(number: u64) -> u64 {
    let mut unit = 4;
    loop {
        for factor in [1, 2, 3, 5] {
            if unit * factor >= number {
                return unit * factor;
            }
        }
        unit = u64::saturating_mul(unit, 10);
    }
}

/// Between two labels of the axis of time: at most eight of them.
fn label_step(all: Duration) -> Duration {
    const STEPS: [u64; 19] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
        86_400, 172_800,
    ];
    let fits = |seconds: &u64| Duration::from_secs(*seconds) * 8 >= all;
    match STEPS.into_iter().find(fits) {
        Some(seconds) => Duration::from_secs(seconds),
        None => Duration::from_secs(all.as_secs() / 8),
    }
}

/// Time since the run began, as short as it can be.
fn time_label(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 if time.subsec_millis() > 0 => format!("{:.1} s", time.as_secs_f64()),
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn push(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_time_are_few_and_round() {
        let cases = [(0, 1), (8, 1), (9, 2), (29, 5), (100, 15), (3_600, 600), (86_400, 10_800)];

        for (all, step) in cases {
            assert_eq!(label_step(Duration::from_secs(all)), Duration::from_secs(step), "{all}");
        }
        assert!(label_step(Duration::from_secs(86_400 * 100)) > Duration::from_secs(86_400));
    }

    #[test]
    fn an_axis_ends_at_a_number_that_reads_well() {
        let cases = [(0, 4), (4, 4), (5, 8), (9, 12), (13, 20), (21, 40), (158_000, 200_000)];

        for (number, top) in cases {
            assert_eq!(round_up(number), top, "{number}");
        }
        assert!(round_up(u64::MAX / 8) >= u64::MAX / 8);
    }
}
