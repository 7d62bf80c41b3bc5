//! What a check found, for people.

use std::fmt::Write as _;

use service::few;

use super::findings::{Count, Findings, Keys, Method, Parents, Rejects};
use crate::report::{
    console::FILE_MAX,
    format::{bytes, duration, grouped},
};

/// Characters of a column's name.
const COLUMN_MAX: usize = 40;

/// Groups of rejected rows that are shown; JSON has all.
const REJECTS_SHOWN: usize = 20;

/// Columns with references that are shown.
const PARENTS_SHOWN: usize = 20;

/// What no check can say.
const NOT_CHECKED: &str = "not checked: what only Salesforce can say, such as e-mail addresses, which \
                           records are new, validation rules, triggers, duplicates, and whether \
                           records that rows refer to are there";

impl Findings {
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a text takes all that is written to it");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let file = service::shown(&self.file, FILE_MAX);
        writeln!(text, "{file} ({}): {}", bytes(self.file_bytes), self.load)?;
        writeln!(text, "objects as described by {}", service::shown(&self.described_by, FILE_MAX))?;
        if let Some(count) = &self.counted {
            count.write(text)?;
        }
        for (title, names) in [
            ("columns that are not sent", &self.columns_not_mapped),
            ("required in a new record, and filled by no column", &self.required_without_column),
        ] {
            if !names.is_empty() {
                let names = names.iter().map(|name| service::shown(name, COLUMN_MAX));
                writeln!(text, "{title}: {}", few(names, ", "))?;
            }
        }
        for warning in &self.warnings {
            writeln!(text, "warning: {}", service::shown(warning, service::SENTENCE_MAX))?;
        }
        writeln!(text, "{NOT_CHECKED}")?;
        let took = duration(std::time::Duration::from_millis(self.duration_ms));
        writeln!(text, "took {took}; nothing was sent")
    }
}

impl Count {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text)?;
        writeln!(text, "rows                {:>14}", grouped(self.rows))?;
        writeln!(text, "would be rejected   {:>14}", grouped(self.rejected))?;
        if self.lines_without_data > 0 {
            writeln!(text, "lines without data  {:>14}", grouped(self.lines_without_data))?;
        }
        for (code, rows) in &self.rejected_by_code {
            writeln!(text, "\n{code}: {}", in_rows(*rows))?;
            let of_code = self.rejects.iter().filter(|rejects| rejects.code == *code);
            for rejects in of_code.clone().take(REJECTS_SHOWN) {
                rejects.write(text)?;
            }
            let others = of_code.count().saturating_sub(REJECTS_SHOWN);
            if others > 0 {
                writeln!(text, "  and {others} more columns; --json has them all")?;
            }
        }
        for (if_new, title) in [
            (false, "Salesforce rejects these, unless a trigger fills the field:"),
            (true, "Salesforce rejects these, if they make a new record:"),
        ] {
            let found = self.rejected_by_salesforce.iter().filter(|found| found.if_new == if_new);
            for (number, found) in found.take(REJECTS_SHOWN).enumerate() {
                if number == 0 {
                    writeln!(text, "\n{title}")?;
                }
                found.rejects.write(text)?;
            }
        }
        writeln!(text)?;
        if let Some(keys) = &self.keys {
            keys.write(text)?;
        }
        for parents in self.parents.iter().take(PARENTS_SHOWN) {
            parents.write(text)?;
        }
        Ok(())
    }
}

impl Rejects {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        if let (Some(column), Some(field)) = (&self.column, &self.field) {
            let column = service::shown(column, COLUMN_MAX);
            writeln!(text, "  column `{column}`, field {field}: {}", in_rows(self.rows))?;
        }
        for example in &self.first {
            let rule = service::shown(&example.rule, service::SENTENCE_MAX);
            writeln!(text, "    record {} (line {}): {rule}", example.record, example.line)?;
        }
        Ok(())
    }
}

impl Keys {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let column = service::shown(&self.column, COLUMN_MAX);
        write!(text, "keys: column `{column}`, field {}: ", self.field)?;
        write!(text, "{} empty, ", grouped(self.empty))?;
        match self.method.is_counted {
            true => write!(text, "{} repeated", grouped(self.repeated))?,
            false => write!(
                text,
                "about {} repeated, {} at least",
                grouped(self.repeated),
                grouped(self.repeated_at_least)
            )?,
        }
        writeln!(text, " {}", self.method.in_words())?;
        for place in &self.first {
            writeln!(
                text,
                "    record {} (line {}): an earlier row has its key",
                place.record, place.line
            )?;
        }
        Ok(())
    }
}

impl Parents {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let column = service::shown(&self.column, COLUMN_MAX);
        let about = if self.method.is_counted { "" } else { "about " };
        writeln!(
            text,
            "parents: column `{column}`, field {}: {} {} {about}{} {}",
            self.field,
            in_rows(self.rows),
            if self.rows == 1 { "refers to" } else { "refer to" },
            match self.records {
                1 => "1 record".to_owned(),
                records => format!("{} records", grouped(records)),
            },
            self.method.in_words()
        )
    }
}

impl Method {
    fn in_words(&self) -> String {
        let bits = self.fingerprint_bits;
        match self.is_counted {
            true => format!("(all compared, by fingerprints of {bits} bits)"),
            false => format!(
                "(estimated from 1 of {} values, by fingerprints of {bits} bits: there are too many to \
                 compare all)",
                grouped(self.one_in)
            ),
        }
    }
}

fn in_rows(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        _ => format!("{} rows", grouped(rows)),
    }
}
