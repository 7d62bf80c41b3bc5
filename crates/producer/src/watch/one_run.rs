//! One run, as large as the screen.

use job_queue::Ledger;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Paragraph, Sparkline, Wrap},
};

use crate::{
    report::{
        format::{bytes, duration, grouped},
        pace::whole,
        run_report::Report,
        run_status::RunStatus,
        waiting::Live,
    },
    watch::{
        bars::{colour_of, gauge, percent, ratio, read_share},
        model::{Model, Paces},
    },
};

pub(crate) fn draw(frame: &mut Frame<'_>, ledger: &Ledger, model: &Model, area: Rect) {
    let paces = &model.paces(&ledger.run);
    let status = RunStatus::of(ledger);
    let title = Line::from(vec![
        format!(" {} ", ledger.run).bold(),
        Span::styled(format!("{status} "), colour_of(status, ledger.rejected)),
    ]);
    let block = Block::bordered().title(title).border_style(Style::new().dim());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [bars, chart, words] =
        Layout::vertical([Constraint::Length(4), Constraint::Length(4), Constraint::Fill(1)])
            .areas(inner);
    frame.render_widget(Paragraph::new(progress(ledger, paces, inner.width)), bars);
    draw_chart(frame, paces, chart);
    let text: Vec<Line<'static>> =
        report_lines(ledger, &model.now.live).into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), words);
}

fn progress(ledger: &Ledger, paces: &Paces, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width / 3).clamp(8, 40);
    let moves = !ledger.has_ended();
    let rate = |text: Option<String>| text.filter(|_| moves).unwrap_or_default();
    let line = |name: &str, share: f64, text: String| {
        let mut spans = vec![format!(" {name:<10}").into()];
        spans.extend(gauge(share, None, width, Color::Green));
        spans.push(format!(" {:>4}  {text}", percent(share)).into());
        Line::from(spans)
    };
    let read_rate = paces.pace.read.per_second().map(|rate| format!(", {}/s", bytes(whole(rate))));
    let read = format!("{}{}", bytes(ledger.bytes_fed), rate(read_rate));
    let settled = ledger.delivered() + ledger.rejected;
    let row_rate =
        paces.pace.delivered.per_second().map(|rate| format!(", {} rows/s", grouped(whole(rate))));
    let left = paces.pace.time_left(ledger).map(|left| format!(", {} left", duration(left)));
    let delivered = format!(
        "{} of {} rows{}{}",
        grouped(settled),
        grouped(ledger.read),
        rate(row_rate),
        rate(left)
    );
    vec![
        Line::default(),
        line("read", read_share(ledger), read),
        line("delivered", ratio(settled, ledger.read), delivered),
        Line::default(),
    ]
}

fn draw_chart(frame: &mut Frame<'_>, paces: &Paces, area: Rect) {
    let width = usize::from(area.width.saturating_sub(2));
    let newest = paces.rates.iter().rev().take(width).rev().copied();
    let rates: Vec<u64> = newest.collect();
    let most = rates.iter().max().copied().unwrap_or_default();
    let title = format!(" rows/s since you watch, at most {} ", grouped(most));
    let block = Block::new().title(title.dim());
    frame.render_widget(Sparkline::default().data(rates).fg(Color::Cyan).block(block), area);
}

/// The report without its first line, which is the title.
fn report_lines(ledger: &Ledger, live: &Live) -> Vec<String> {
    Report::of(ledger.clone())
        .among(live, None)
        .to_string()
        .lines()
        .skip(1)
        .map(str::to_owned)
        .collect()
}
