//! What both sides said, side by side.

use serde::Serialize;

use super::{facts::Facts, question::Question};

/// One question, and both answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Comparison {
    pub(crate) question: &'static str,
    pub(crate) differs: bool,
    pub(crate) org: Facts,
    pub(crate) simulator: Facts,
}

impl Comparison {
    pub(crate) fn of(question: Question, org: Facts, simulator: Facts) -> Self {
        let differs = !question.is_by_chance() && org != simulator;
        Self { question: question.words(), differs, org, simulator }
    }
}

/// Characters of an answer in the table. What is longer stands in full below it.
const CELL_MAX: usize = 60;

/// For people, and for an issue: Markdown, and a terminal wide.
pub(crate) fn table(comparisons: &[Comparison], api_version: &str) -> String {
    let differ = comparisons.iter().filter(|comparison| comparison.differs).count();
    let mut text = format!(
        "batch-sync {}, API {api_version}: {differ} of {} answers differ\n\n\
         | asked | org | simulator | |\n|---|---|---|---|\n",
        env!("CARGO_PKG_VERSION"),
        comparisons.len()
    );
    for Comparison { question, differs, org, simulator } in comparisons {
        let simulator = if org == simulator { "the same".to_owned() } else { cell(simulator) };
        let mark = if *differs { "**differs**" } else { "" };
        text.push_str(&format!("| {question} | {} | {simulator} | {mark} |\n", cell(org)));
    }
    for comparison in comparisons.iter().filter(|comparison| comparison.differs) {
        text.push_str(&comparison.in_full());
    }
    text
}

impl Comparison {
    /// Both answers, a line for each fact that the other one does not have in its place; nothing when the
    /// table has them in full.
    fn in_full(&self) -> String {
        let Self { question, org, simulator, .. } = self;
        if [org, simulator].iter().all(|facts| joined(facts).chars().count() <= CELL_MAX) {
            return String::new();
        }
        let same = org.iter().zip(simulator).take_while(|(one, other)| one == other).count();
        let (of_org, of_simulator) = (&org[same..], &simulator[same..]);
        let backwards = of_org.iter().rev().zip(of_simulator.iter().rev());
        let same_at_end = backwards.take_while(|(one, other)| one == other).count();
        let mut text = format!("\n{question}:\n\n");
        for (who, facts) in [("org", of_org), ("simulator", of_simulator)] {
            let apart = in_runs(&facts[..facts.len() - same_at_end]);
            let said = if apart.is_empty() { vec!["nothing here".to_owned()] } else { apart };
            said.iter().for_each(|fact| text.push_str(&format!("* {who}: {fact}\n")));
        }
        text
    }
}

fn cell(facts: &[String]) -> String {
    let whole = joined(facts);
    let cut = match whole.char_indices().nth(CELL_MAX) {
        Some((end, _)) => format!("{}…", whole[..end].trim_end()),
        None => whole,
    };
    cut.replace('|', "\\|")
}

fn joined(facts: &[String]) -> String {
    in_runs(facts).join("; ")
}

/// Equal lines in a row are one with their number.
fn in_runs(facts: &[String]) -> Vec<String> {
    let runs = facts.chunk_by(|one, other| one == other).map(|run| {
        let text = service::shown(&run[0], service::SENTENCE_MAX);
        if run.len() == 1 { text } else { format!("{text} (×{})", run.len()) }
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(lines: &[&str]) -> Facts {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn what_differs_is_marked_and_what_is_left_to_chance_is_not() {
        let one = facts(&["created", "created"]);
        let other = facts(&["A|B"]);

        let comparisons = [
            Comparison::of(Question::Create, one.clone(), one.clone()),
            Comparison::of(Question::Create, one.clone(), other.clone()),
            Comparison::of(Question::AtTheSameTime, one, other),
        ];

        let text = table(&comparisons, "62.0");
        assert!(text.contains("1 of 3 answers differ"), "{text}");
        assert!(text.contains("| created (×2) | the same |  |"), "{text}");
        assert!(text.contains("| created (×2) | A\\|B | **differs** |"), "{text}");
        assert!(text.ends_with("|\n"), "all of it is in the table: {text}");
    }

    #[test]
    fn a_long_answer_is_cut_in_the_table_and_what_is_apart_stands_below_it() {
        let fields = |lengths: [u32; 9]| -> Facts {
            let line =
                |(at, length)| format!("Field{at}__c string({length}) createable updateable");
            (1..).zip(lengths).map(line).collect()
        };
        let (org, simulator) = (fields([80; 9]), fields([80, 80, 80, 20, 20, 80, 80, 80, 80]));
        let same = Comparison::of(Question::Limits, org.clone(), org.clone());
        let differs = Comparison::of(Question::Fields, org, simulator);

        let text = table(&[same, differs], "62.0");

        assert!(text.lines().all(|line| line.chars().count() <= 200), "{text}");
        let line = |who: &str, at: u32, length: u32| {
            format!("* {who}: Field{at}__c string({length}) createable updateable\n")
        };
        let apart = [
            line("org", 4, 80),
            line("org", 5, 80),
            line("simulator", 4, 20),
            line("simulator", 5, 20),
        ];
        let question = Question::Fields.words();
        assert!(text.ends_with(&format!("|\n\n{question}:\n\n{}", apart.concat())), "{text}");
    }
}
