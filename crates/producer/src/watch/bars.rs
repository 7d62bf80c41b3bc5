//! Bars, shares and colours.

use job_queue::Ledger;
use ratatui::{
    style::{Color, Style, Stylize},
    text::Span,
};

use crate::report::run_status::{RunStatus, Tone};

/// A bar of `width` characters, with a mark at `mark`.
pub(crate) fn gauge(
    share: f64,
    mark: Option<f64>,
    width: usize,
    colour: Color,
) -> Vec<Span<'static>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place on a bar, between nothing and its width"
    )]
    let place = |share: f64| (share.clamp(0.0, 1.0) * width as f64).floor() as usize;
    let full = place(share);
    let mark = mark.map(|mark| place(mark).min(width.saturating_sub(1)));
    (0..width)
        .map(|at| match (at < full, mark == Some(at)) {
            (_, true) => Span::from("┃"),
            (true, _) => Span::styled("█", colour),
            (false, _) => Span::from("░").dim(),
        })
        .collect()
}

/// Of a run with so many rejected rows.
pub(crate) fn colour_of(status: RunStatus, rejected: u64) -> Style {
    Style::new().fg(match status.tone(rejected) {
        Tone::Good => Color::Green,
        Tone::Bad => Color::Red,
        Tone::Run => Color::Cyan,
        Tone::Warn => Color::Yellow,
        Tone::Rest => Color::Gray,
    })
}

/// How much of the file is read. Of a compressed one that is not known: its bytes
/// are counted as they are after decompression.
pub(crate) fn read_share(ledger: &Ledger) -> f64 {
    if ledger.fed_at_ms.is_some() || ledger.file_bytes == 0 {
        return 1.0;
    }
    ratio(ledger.bytes_fed, ledger.file_bytes).min(0.99)
}

pub(crate) fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = part as f64 / of as f64;
    share
}

/// Never 100 before all is there.
pub(crate) fn percent(share: f64) -> String {
    let share = if share < 1.0 { (share * 100.0).floor() } else { 100.0 };
    format!("{share:.0}%")
}
