//! Which API carries rows.

use salesforce::AssignmentRule;

/// What `SALESFORCE_API` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ApiChoice {
    /// sObject Collections: up to 200 rows a call, each answered at once.
    Collections,
    /// Bulk API 2.0: each batch is one ingest job. Set `BATCH_ROWS=10000` as well: tiny jobs use up
    /// the org's daily Bulk batches.
    Bulk,
    /// Bulk for batches of more than 2,000 rows, while the org has Bulk batches to spare;
    /// Collections for all others.
    Auto,
}

/// Why rows cannot go by Bulk as they would by Collections.
pub(crate) fn not_by_bulk(
    rule: Option<&AssignmentRule>,
    allow_duplicates: bool,
) -> Option<&'static str> {
    match rule {
        Some(AssignmentRule::Active) => {
            Some("SALESFORCE_ASSIGNMENT_RULE=true (name the rule's id instead)")
        }
        _ if allow_duplicates => Some("SALESFORCE_ALLOW_DUPLICATES"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bulk_cannot_do_as_collections_does_is_named() {
        let rule = AssignmentRule::Active;
        for (rule, duplicates, expected) in [
            (None, false, None),
            (Some(&AssignmentRule::None), false, None),
            (Some(&rule), false, Some("SALESFORCE_ASSIGNMENT_RULE")),
            (None, true, Some("SALESFORCE_ALLOW_DUPLICATES")),
        ] {
            let why = not_by_bulk(rule, duplicates);
            assert_eq!(why.is_some(), expected.is_some(), "{rule:?} {duplicates}");
            assert!(why.unwrap_or_default().starts_with(expected.unwrap_or_default()));
        }
    }
}
