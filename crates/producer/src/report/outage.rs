//! An outage in words for people.

use job_queue::Outage;

use crate::report::format::timestamp;

/// That deliveries stand still, and why.
pub(crate) fn in_words(pause: &Outage) -> String {
    format!("deliveries stand still: {}", why(pause))
}

/// Reason, and when it is tried again.
pub(crate) fn why(pause: &Outage) -> String {
    let tried = pause.until_ms.map(|at| format!("; tried again at {}", timestamp(at)));
    format!("{}{}", pause.reason, tried.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_it_is_tried_again_is_said_where_it_is_known() {
        let known = Outage {
            reason: "salesforce is not available".to_owned(),
            since_ms: 0,
            until_ms: Some(60_000),
        };
        let unknown = Outage { until_ms: None, ..known.clone() };

        assert_eq!(
            in_words(&known),
            "deliveries stand still: salesforce is not available; tried again at 1970-01-01 \
             00:01:00 UTC"
        );
        assert_eq!(in_words(&unknown), "deliveries stand still: salesforce is not available");
    }
}
