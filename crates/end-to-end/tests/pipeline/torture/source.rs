//! The files: written by `csv`, not by what the product writes files with.

use fastrand::Rng;

use super::load::COLUMNS;

/// What a file is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) rows: u64,
    /// Rows of 1 to 30 kB, instead of some hundred bytes at most.
    pub(crate) is_wide: bool,
    /// How many of a thousand rows Salesforce refuses.
    pub(crate) bad_permille: u32,
    /// The header lacks a column that the mapping names.
    pub(crate) is_mismatch: bool,
}

/// What texts are made of: all that a reader, a writer, JSON or CSV may stumble over.
const PIECES: [&str; 20] = [
    "lorem ",
    "ipsum ",
    "a",
    "Zoë ",
    "Łódź ",
    "山田",
    "株式会社",
    "🙂",
    ",",
    "\"",
    "\"\"",
    "\n",
    "\r\n",
    "; ",
    "\t",
    "'",
    "\\",
    "{\"x\":1}",
    "<b>&amp;",
    "0123456789",
];

/// The content of a file, whose keys begin with `prefix`.
pub(crate) fn content(prefix: &str, shape: Shape, rng: &mut Rng) -> Vec<u8> {
    let ends = if rng.bool() { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().terminator(ends).from_writer(Vec::new());
    let mut columns = COLUMNS;
    if shape.is_mismatch {
        columns[2] = "Mail";
    }
    writer.write_record(columns).unwrap();
    for number in 1..=shape.rows {
        writer.write_record(row(prefix, number, shape, rng)).unwrap();
    }
    writer.into_inner().unwrap()
}

fn row(prefix: &str, number: u64, shape: Shape, rng: &mut Rng) -> [String; 5] {
    let key = format!("{prefix}{number:07}");
    let mut last_name = text(3, 40, rng);
    let mut email = match rng.u8(0..5) {
        0 => String::new(),
        _ => format!("someone.{number}@example.com"),
    };
    let mut company = text(3, 120, rng);
    let notes = match (shape.is_wide, rng.u8(0..3)) {
        (true, _) => {
            // Many of a few kilobytes, some of thirty.
            let most = rng.usize(1_000..=29_900);
            text(1_000, most, rng)
        }
        (false, 0) => text(3, 100, rng),
        (false, _) => String::new(),
    };
    if rng.u32(0..1000) < shape.bad_permille {
        match rng.u8(0..5) {
            0 => last_name.clear(),
            1 => company.clear(),
            2 => email = format!("someone.{number} at example.com"),
            3 => last_name = "Too-Long-".repeat(9),
            _ => company = "Too Long ".repeat(29),
        }
    }
    [key, last_name, email, company, notes]
}

/// A text of some length in bytes, which neither begins nor ends with a blank.
fn text(least: usize, most: usize, rng: &mut Rng) -> String {
    let length = rng.usize(least..=most.max(least)) - 2;
    let mut text = String::from("<");
    loop {
        let piece = PIECES[rng.usize(..PIECES.len())];
        if text.len() + piece.len() > length {
            break;
        }
        text.push_str(piece);
    }
    text.push('>');
    text
}
