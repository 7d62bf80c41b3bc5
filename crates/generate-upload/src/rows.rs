use std::fmt::Write as _;

use crate::words::{COMPANY_NAMES, COMPANY_TRADES, FAMILY_NAMES, GIVEN_NAMES};

/// The first line of every file.
pub const HEADER: &str = "ExternalId,Name,Email,Company\n";

/// What kinds of rows there are in a file. Asking for more of one kind leaves
/// the other rows as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// How many of a thousand rows Salesforce rejects, on average.
    pub bad_rows_permille: u16,
    /// Whether a fifth of the rows has commas, quotes, line breaks or letters
    /// outside ASCII in its fields.
    pub awkward: bool,
}

/// Why Salesforce rejects a row that is mapped to a Lead (`Name` to `LastName`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// `Name` is empty, but `LastName` is required.
    NameMissing,
    /// `Company` is empty, but required.
    CompanyMissing,
    /// `Email` is no e-mail address.
    EmailInvalid,
    /// `Name` is longer than the 80 characters of `LastName`.
    NameTooLong,
    /// `Company` is longer than 255 characters.
    CompanyTooLong,
}

/// One row, not written out yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    index: u64,
    given_name: &'static str,
    family_name: &'static str,
    company_name: &'static str,
    company_trade: &'static str,
    defect: Option<Defect>,
    awkwardness: Option<Awkwardness>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awkwardness {
    Comma,
    Quotes,
    LineFeed,
    CarriageReturn,
    Letters,
    Everything,
}

/// Row number `index`, counted from 0, of the files made with `seed`.
#[must_use]
pub fn row(seed: u64, index: u64, shape: Shape) -> Row {
    let mut draw = Draw::new(seed, index);
    let is_bad = draw.below(1000) < usize::from(shape.bad_rows_permille);
    let defect = [
        Defect::NameMissing,
        Defect::CompanyMissing,
        Defect::EmailInvalid,
        Defect::NameTooLong,
        Defect::CompanyTooLong,
    ][draw.below(5)];
    let is_awkward = draw.below(5) == 0 && shape.awkward;
    let awkwardness = [
        Awkwardness::Comma,
        Awkwardness::Quotes,
        Awkwardness::LineFeed,
        Awkwardness::CarriageReturn,
        Awkwardness::Letters,
        Awkwardness::Everything,
    ][draw.below(6)];
    Row {
        index,
        given_name: draw.one_of(&GIVEN_NAMES),
        family_name: draw.one_of(&FAMILY_NAMES),
        company_name: draw.one_of(&COMPANY_NAMES),
        company_trade: draw.one_of(&COMPANY_TRADES),
        defect: is_bad.then_some(defect),
        awkwardness: is_awkward.then_some(awkwardness),
    }
}

impl Row {
    /// Whether Salesforce will reject it.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.defect.is_some()
    }

    /// Why Salesforce will reject it, if it will.
    #[must_use]
    pub fn defect(&self) -> Option<Defect> {
        self.defect
    }

    /// The fields in the order of [`HEADER`], as a reader of the CSV finds them.
    #[must_use]
    pub fn fields(&self) -> [String; 4] {
        let writers: [fn(&Self, &mut String); 4] =
            [Self::external_id, Self::name, Self::email, Self::company];
        writers.map(|write| {
            let mut field = String::new();
            write(self, &mut field);
            field
        })
    }

    /// Appends the row as a CSV record with its line end. A field is quoted when
    /// it has to be and not otherwise (RFC 4180).
    pub fn write_csv(&self, csv: &mut String) {
        write_field(csv, |out| self.external_id(out));
        csv.push(',');
        write_field(csv, |out| self.name(out));
        csv.push(',');
        write_field(csv, |out| self.email(out));
        csv.push(',');
        write_field(csv, |out| self.company(out));
        csv.push('\n');
    }

    fn external_id(&self, out: &mut String) {
        out.push_str("EXT-");
        push_number(out, self.index + 1, 9);
    }

    fn name(&self, out: &mut String) {
        match (self.defect, self.awkwardness) {
            (Some(Defect::NameMissing), _) => return,
            (Some(Defect::NameTooLong), _) => out.push_str(&"Long-Name-".repeat(9)),
            (_, Some(Awkwardness::Letters)) => out.push_str("Zoë Łukasiewicz-"),
            (_, Some(Awkwardness::Everything)) => out.push_str("\"山田\", "),
            _ => {}
        }
        out.push_str(self.given_name);
        out.push(' ');
        out.push_str(self.family_name);
    }

    fn email(&self, out: &mut String) {
        let start = out.len();
        out.push_str(self.given_name);
        out.push('.');
        out.push_str(self.family_name);
        out[start..].make_ascii_lowercase();
        out.push('.');
        push_number(out, self.index + 1, 1);
        match self.defect {
            Some(Defect::EmailInvalid) => out.push_str(" at example.com"),
            _ => out.push_str("@example.com"),
        }
    }

    fn company(&self, out: &mut String) {
        match self.defect {
            Some(Defect::CompanyMissing) => return,
            Some(Defect::CompanyTooLong) => out.push_str(&"Long Company ".repeat(21)),
            _ => {}
        }
        let (name, trade) = (self.company_name, self.company_trade);
        let written = match self.awkwardness {
            None => {
                out.push_str(name);
                out.push(' ');
                out.push_str(trade);
                Ok(())
            }
            Some(Awkwardness::Comma) => write!(out, "{name} {trade}, Inc."),
            Some(Awkwardness::Quotes) => write!(out, "The \"{name}\" {trade}"),
            Some(Awkwardness::LineFeed) => write!(out, "{name} {trade}\nSecond Floor"),
            Some(Awkwardness::CarriageReturn) => write!(out, "{name} {trade}\r\nSecond Floor"),
            Some(Awkwardness::Letters) => write!(out, "{name} & Søn – Żółć GmbH"),
            Some(Awkwardness::Everything) => {
                write!(out, "\"{name}, {trade}\"\n株式会社 🙂\r\n\"\"")
            }
        };
        written.expect("a string takes everything");
    }
}

/// Writes the field in place, and quotes it after the fact: few need it.
fn write_field(csv: &mut String, write: impl Fn(&mut String)) {
    let start = csv.len();
    write(csv);
    if csv.as_bytes()[start..].iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        let field = csv.split_off(start);
        csv.push('"');
        for (nth, part) in field.split('"').enumerate() {
            csv.push_str(if nth == 0 { "" } else { "\"\"" });
            csv.push_str(part);
        }
        csv.push('"');
    }
}

/// Several times faster than `write!`, on every row twice.
fn push_number(out: &mut String, mut number: u64, digits_min: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 0 || digits.len() - start < digits_min {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.push_str(std::str::from_utf8(&digits[start..]).expect("digits are ASCII"));
}

/// The generator `SplitMix64` (Steele, Lea and Flood, 2014): written out, since the rows of a
/// seed must stay the same for ever.
struct Draw(u64);

impl Draw {
    fn new(seed: u64, index: u64) -> Self {
        let mut of_seed = Self(seed);
        Self(of_seed.next() ^ index.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let below = (u128::from(self.next()) * limit as u128) >> 64;
        usize::try_from(below).expect("it is below a usize")
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ALL: Shape = Shape { bad_rows_permille: 500, awkward: true };

    /// If this changes, every seed means another file.
    #[test]
    fn the_rows_of_a_seed_never_change() {
        let mut csv = String::from(HEADER);
        for index in [0, 1, 99_999, 4_999_999_999] {
            row(1, index, Shape::default()).write_csv(&mut csv);
        }

        assert_eq!(
            csv,
            "ExternalId,Name,Email,Company\n\
             EXT-000000001,Daria Quinn,daria.quinn.1@example.com,Meridian Consulting\n\
             EXT-000000002,Ivan Bergman,ivan.bergman.2@example.com,Oakfield Robotics\n\
             EXT-000100000,Vera Lindqvist,vera.lindqvist.100000@example.com,Orchard Media\n\
             EXT-5000000000,Lucia Chandra,lucia.chandra.5000000000@example.com,Redwood Energy\n"
        );
    }

    #[test]
    fn a_row_depends_on_seed_and_index_alone() {
        assert_eq!(row(7, 42, ALL), row(7, 42, ALL));
        assert_ne!(row(7, 42, ALL).fields()[1..], row(8, 42, ALL).fields()[1..]);
        assert_ne!(row(7, 42, ALL).fields()[1..], row(7, 43, ALL).fields()[1..]);
    }

    #[test]
    fn asking_for_bad_or_awkward_rows_leaves_the_others_as_they_are() {
        let some = Shape { bad_rows_permille: 20, awkward: false };
        for index in 0..10_000 {
            let (plain, asked) = (row(1, index, Shape::default()), row(1, index, some));
            assert!(asked.is_bad() || asked == plain);
            let (fewer, more) = (row(1, index, some), row(1, index, ALL));
            assert!(!fewer.is_bad() || more.defect() == fewer.defect());
        }
    }

    #[test]
    fn a_reader_of_the_csv_finds_the_fields_again() {
        let mut csv = String::from(HEADER);
        (0..20_000).for_each(|index| row(3, index, ALL).write_csv(&mut csv));

        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let read: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();

        assert_eq!(read.len(), 20_000);
        for (index, record) in (0..).zip(read) {
            assert_eq!(record.iter().collect::<Vec<_>>(), row(3, index, ALL).fields());
        }
    }

    #[test]
    fn ids_and_addresses_are_unique_and_ids_sort_like_the_rows() {
        let rows = || (0..20_000).map(|index| row(3, index, ALL).fields());

        let ids: Vec<_> = rows().map(|fields| fields[0].clone()).collect();

        assert_eq!((&*ids[0], &*ids[19_999]), ("EXT-000000001", "EXT-000020000"));
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(rows().map(|fields| fields[2].clone()).collect::<HashSet<_>>().len(), 20_000);
        assert_eq!(row(3, u64::MAX - 1, ALL).fields()[0], format!("EXT-{}", u64::MAX));
    }

    #[test]
    fn bad_rows_are_bad_in_every_way_and_the_others_are_good() {
        let mut seen = [0; 6];
        for index in 0..20_000 {
            let row = row(3, index, ALL);
            let [id, name, email, company] = row.fields();
            let characters = |text: &str| text.chars().count();
            let (local, domain) = email.split_once('@').unwrap_or_default();
            let problems = [
                name.is_empty(),
                company.is_empty(),
                local.is_empty() || !domain.contains('.') || email.contains(' '),
                characters(&name) > 80,
                characters(&company) > 255,
            ];
            let expected = match row.defect() {
                None => [false; 5],
                Some(defect) => [0, 1, 2, 3, 4].map(|nth| nth == defect as usize),
            };
            assert_eq!(problems, expected, "{row:?}");
            assert!(characters(&id) <= 20 && characters(&email) <= 80, "{row:?}");
            seen[row.defect().map_or(5, |defect| defect as usize)] += 1;
        }
        assert!(seen[..5].iter().all(|&rows| (1800..2200).contains(&rows)), "{seen:?}");
    }

    #[test]
    fn awkward_rows_have_everything_a_reader_stumbles_over() {
        let all: String = (0..1000).flat_map(|index| row(3, index, ALL).fields()).collect();
        let plain: String =
            (0..1000).flat_map(|index| row(3, index, Shape::default()).fields()).collect();

        for stumbling_block in [",", "\"", "\"\"", "\n", "\r\n", "Ł", "山", "🙂"] {
            assert!(all.contains(stumbling_block), "{stumbling_block:?}");
            assert!(!plain.contains(stumbling_block), "{stumbling_block:?}");
        }
    }

    #[test]
    fn a_field_is_quoted_only_when_it_has_to_be() {
        for (field, written) in [
            ("", ""),
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("\"", "\"\"\"\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("\r", "\"\r\""),
        ] {
            let mut csv = String::from("before,");
            write_field(&mut csv, |out| out.push_str(field));
            assert_eq!(csv.strip_prefix("before,"), Some(written), "{field:?}");
        }
    }
}
