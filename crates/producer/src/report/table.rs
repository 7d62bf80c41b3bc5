//! A table for people: columns as wide as what stands in them, on a terminal.

use ratatui::text::Span;

/// A column, and on which side its cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Words.
    Left(&'static str),
    /// Figures, so that their digits stand below each other.
    Right(&'static str),
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Self::Left(title) | Self::Right(title) => title,
        }
    }
}

/// Lines of a table, the first one with the titles.
pub(crate) fn table<const N: usize>(columns: [Column; N], rows: &[[String; N]]) -> String {
    let titles = columns.map(|column| column.title().to_owned());
    let lines = || std::iter::once(&titles).chain(rows);
    let widths: [usize; N] =
        std::array::from_fn(|at| lines().map(|cells| width(&cells[at])).max().unwrap_or_default());
    let line = |cells: &[String; N]| {
        let cells = columns.iter().zip(widths).zip(cells).map(|((column, widest), cell)| {
            let blank = " ".repeat(widest - width(cell));
            match column {
                Column::Left(_) => format!("{cell}{blank}"),
                Column::Right(_) => format!("{blank}{cell}"),
            }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines().map(line).collect()
}

/// Cells of a terminal: some characters take two, and some none.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [
            row(["e\u{301}tude.csv", "18,446,744,073,709,551,615", "done"]),
            row(["顧客.csv", "7", ""]),
        ];

        let columns = [Column::Left("FILE"), Column::Right("READ"), Column::Left("STATE")];
        assert_eq!(
            table(columns, &rows),
            "FILE                             READ  STATE\n\
             e\u{301}tude.csv  18,446,744,073,709,551,615  done\n\
             顧客.csv                            7\n"
        );
    }
}
