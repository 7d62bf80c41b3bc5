//! The model as characters: a pure function of it.

use std::time::Duration;

use ingest_core::commands::{consumer, producer};
use job_queue::{Depth, Ledger};
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Cell, Clear, Padding, Paragraph, Row, Table, TableState, Wrap},
};

use crate::{
    report::{
        console::FILE_MAX,
        format::{bytes, duration, grouped},
        outage,
        pace::whole,
        run_status::RunStatus,
    },
    watch::{
        bars::{colour_of, gauge, percent, ratio, read_share},
        model::Model,
        one_run,
    },
};

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let outage_lines = if model.now.outage.is_some() { 2 } else { 0 };
    let [head, outage_area, queue, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(outage_lines),
        Constraint::Length(4),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title(model), head);
    draw_outage(frame, model, outage_area);
    draw_queue(frame, model, queue);
    match model.chosen().filter(|_| model.is_open) {
        Some(ledger) => one_run::draw(frame, ledger, model, body),
        None => draw_runs(frame, model, body),
    }
    frame.render_widget(keys(model), foot);
    if let Some((command, run)) = &model.question {
        draw_question(frame, &command.question(run));
    }
}

fn title(model: &Model) -> Line<'static> {
    let live = &model.now.live;
    let consumers = match live.consumers {
        0 if live.starting == 1 => "1 consumer waits for salesforce".bold().fg(Color::Yellow),
        0 if live.starting > 1 => {
            format!("{} consumers wait for salesforce", grouped(live.starting))
                .bold()
                .fg(Color::Yellow)
        }
        0 => format!("no consumer is running; start one: {}", consumer()).bold().fg(Color::Yellow),
        1 => "1 consumer".into(),
        many => format!("{} consumers", grouped(many)).into(),
    };
    let mut line = vec![Span::from(" Batch Sync ").bold().reversed(), "  ".into(), consumers];
    if let Some(silent) = model.silent_for {
        let text = format!("   redis has not answered for {}; trying on", duration(silent));
        line.push(text.bold().fg(Color::Red));
    }
    Line::from(line)
}

fn draw_outage(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let Some(pause) = &model.now.outage else { return };
    let words = service::shown(&outage::in_words(pause), service::SENTENCE_MAX);
    let text = Span::from(words).fg(Color::Yellow);
    let indented = Block::new().padding(Padding::horizontal(1));
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }).block(indented), area);
}

fn draw_queue(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let block = Block::bordered().title(" Queue ").border_style(Style::new().dim());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let (depth, marks) = (model.now.depth, model.watermarks);
    let width = usize::from(inner.width / 3).clamp(8, 40);
    let line = |share: f64, low: f64, text: String| {
        let colour = if share >= 1.0 { Color::Yellow } else { Color::Green };
        let mut spans: Vec<Span<'static>> = vec![" ".into()];
        spans.extend(gauge(share, Some(low), width, colour));
        spans.push(format!("  {text}").into());
        Line::from(spans)
    };
    let share = |part: u64, of: u64| ratio(part, of.max(1));
    let Depth { jobs: high, bytes: high_bytes } = marks.high();
    let Depth { jobs: low, bytes: low_bytes } = marks.low();
    let jobs = format!(
        "{} of {} batches; reading goes on at {}",
        grouped(depth.jobs),
        grouped(high),
        grouped(low)
    );
    let size = format!("{} of {}", bytes(depth.bytes), bytes(high_bytes));
    let lines = vec![
        line(share(depth.jobs, high), share(low, high), jobs),
        line(share(depth.bytes, high_bytes), share(low_bytes, high_bytes), size),
    ];
    frame.render_widget(Paragraph::new(lines), inner);
}

fn draw_runs(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let count = model.now.runs.len();
    let block = Block::bordered()
        .title(format!(" Runs: the newest {count} "))
        .border_style(Style::new().dim());
    if count == 0 {
        let text =
            format!("\nno runs yet; start one: {} sync --file big-data-import.csv", producer());
        frame.render_widget(Paragraph::new(text).alignment(Alignment::Center).block(block), area);
        return;
    }
    let most_rejected = model.now.runs.iter().map(|run| run.rejected).max().unwrap_or_default();
    let shown = columns(area.width, most_rejected);
    let rows = model.now.runs.iter().map(|ledger| {
        let cells = cells(model, ledger);
        Row::new(shown.iter().map(|column| cells[column.cell].clone()).collect::<Vec<_>>())
    });
    let header = Row::new(shown.iter().map(|column| Line::from(column.name)))
        .style(Style::new().add_modifier(Modifier::DIM));
    let table = Table::new(rows, shown.iter().map(|column| column.width))
        .header(header)
        .row_highlight_style(Style::new().reversed())
        .block(block);
    let mut state = TableState::default().with_selected(model.cursor());
    frame.render_stateful_widget(table, area, &mut state);
}

struct Column {
    name: &'static str,
    width: Constraint,
    /// Its place in [`cells`].
    cell: usize,
    /// Narrower screens do without it.
    from_width: u16,
}

/// The columns that a screen of this width has room for. A figure is never cut: what is left of it would
/// be another one.
fn columns(screen: u16, most_rejected: u64) -> Vec<Column> {
    let rejected = u16::try_from(grouped(most_rejected).len()).unwrap_or(u16::MAX);
    let column = |name, width, cell, from_width| Column { name, width, cell, from_width };
    let all = [
        column("RUN", Constraint::Min(20), 0, 0),
        column("FILE", Constraint::Min(19), 1, 115),
        column("STATE", Constraint::Length(11), 2, 0),
        column("READ", Constraint::Length(13), 3, 0),
        column("DELIVERED", Constraint::Length(13), 4, 0),
        column("REJECTED", Constraint::Length(rejected.max(9)), 5, 92),
        column("  ROWS/S", Constraint::Length(8), 6, 0),
        column("    LEFT", Constraint::Length(8), 7, 100),
    ];
    all.into_iter().filter(|column| column.from_width <= screen).collect()
}

fn cells<'a>(model: &Model, ledger: &'a Ledger) -> [Cell<'a>; 8] {
    let status = RunStatus::of(ledger);
    let paces = model.paces(&ledger.run);
    let settled = ledger.delivered() + ledger.rejected;
    let moves = !ledger.has_ended();
    let rate = paces.pace.delivered.per_second().filter(|_| moves);
    let left = paces.pace.time_left(ledger);
    let right = |text: String| Cell::from(Line::from(text).alignment(Alignment::Right));
    let bar = |share: f64| {
        let mut spans = gauge(share, None, 8, Color::Green);
        spans.push(format!(" {:>4}", percent(share)).into());
        Cell::from(Line::from(spans))
    };
    [
        Cell::from(ledger.run.as_str()),
        Cell::from(service::shown(&ledger.file, FILE_MAX)),
        Cell::from(Span::styled(status.to_string(), colour_of(status, ledger.rejected))),
        bar(read_share(ledger)),
        bar(ratio(settled, ledger.read)),
        right(grouped(ledger.rejected)),
        right(rate.map_or_else(|| "–".to_owned(), |rate| grouped(whole(rate)))),
        right(left.map_or_else(|| "–".to_owned(), duration_short)),
    ]
}

fn keys(model: &Model) -> Line<'static> {
    if let Some(note) = &model.note {
        let note = service::shown(note, service::SENTENCE_MAX);
        return Line::from(format!(" {note}")).bold();
    }
    let keys: &[(&str, &str)] = if model.is_open {
        &[("esc", "all runs"), ("p", "pause"), ("r", "resume"), ("c", "cancel"), ("q", "quit")]
    } else {
        &[
            ("↑↓", "choose"),
            ("enter", "one run"),
            ("p", "pause"),
            ("r", "resume"),
            ("c", "cancel"),
            ("q", "quit"),
        ]
    };
    let spans = keys.iter().flat_map(|(key, does)| {
        [format!(" {key} ").bold().reversed(), format!(" {does}  ").into()]
    });
    Line::from_iter(spans)
}

fn draw_question(frame: &mut Frame<'_>, question: &str) {
    let area = frame.area();
    let [middle] =
        Layout::vertical([Constraint::Length(6)]).flex(ratatui::layout::Flex::Center).areas(area);
    let [middle] =
        Layout::horizontal([Constraint::Max(64)]).flex(ratatui::layout::Flex::Center).areas(middle);
    frame.render_widget(Clear, middle);
    let text = format!("{question}\n\ny: yes    any other key: no");
    let block = Block::bordered().border_style(Style::new().fg(Color::Yellow));
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: true }).alignment(Alignment::Center);
    frame.render_widget(paragraph.block(block), middle);
}

fn duration_short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..360_000 => format!("{} h {:02}", seconds / 3600, seconds / 60 % 60),
        _ => "> 4 days".to_owned(),
    }
}
