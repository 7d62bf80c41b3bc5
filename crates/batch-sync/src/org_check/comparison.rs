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

/// For people, and for an issue: Markdown.
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
    text
}

/// Equal lines in a row are one with their number.
fn cell(facts: &[String]) -> String {
    let runs = facts.chunk_by(|one, other| one == other).map(|run| {
        let text = service::shown(&run[0], service::SENTENCE_MAX).replace('|', "\\|");
        if run.len() == 1 { text } else { format!("{text} (×{})", run.len()) }
    });
    runs.collect::<Vec<_>>().join("; ")
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
    }
}
