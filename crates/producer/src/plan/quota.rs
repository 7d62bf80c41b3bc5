//! What the org has left today, as consumers heard it last. Pure.

use job_queue::{Allowance, ApiUsage, OrgLimits};

/// The newest there is of each figure, and when it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) limits: OrgLimits,
    pub(super) calls_seen_at_ms: u64,
    /// Of the Bulk batches, as far as these are known.
    pub(super) batches_seen_at_ms: u64,
}

impl Quota {
    /// Out of the answer to `/limits`, which is asked for seldom, and of what every answer says of the calls.
    pub(super) fn newest(
        limits: Option<(OrgLimits, u64)>,
        usage: Option<ApiUsage>,
    ) -> Option<Self> {
        let asked = limits.map(|(limits, at)| Self {
            limits,
            calls_seen_at_ms: at,
            batches_seen_at_ms: at,
        });
        let Some(ApiUsage { used, max, seen_at_ms }) = usage else { return asked };
        if asked.is_some_and(|asked| asked.calls_seen_at_ms >= seen_at_ms) {
            return asked;
        }
        let calls = Allowance { max, left: max.saturating_sub(used) };
        Some(Self {
            limits: OrgLimits { calls, bulk_batches: asked.and_then(|it| it.limits.bulk_batches) },
            calls_seen_at_ms: seen_at_ms,
            batches_seen_at_ms: asked.map_or(seen_at_ms, |asked| asked.batches_seen_at_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(left: u64, at_ms: u64) -> Option<(OrgLimits, u64)> {
        let calls = Allowance { max: 400, left };
        let bulk_batches = Some(Allowance { max: 15_000, left: 14_000 });
        Some((OrgLimits { calls, bulk_batches }, at_ms))
    }

    #[test]
    fn the_newer_figure_of_the_calls_counts_and_the_batches_keep_theirs() {
        let usage = |at_ms| Some(ApiUsage { used: 361, max: 400, seen_at_ms: at_ms });
        let figures = |limits, usage| {
            let quota = Quota::newest(limits, usage)?;
            let batches = quota.limits.bulk_batches.map(|of| of.left);
            Some((
                quota.limits.calls.left,
                quota.calls_seen_at_ms,
                batches,
                quota.batches_seen_at_ms,
            ))
        };

        assert_eq!(figures(None, None), None);
        assert_eq!(figures(asked(396, 1_000), None), Some((396, 1_000, Some(14_000), 1_000)));
        assert_eq!(
            figures(asked(396, 1_000), usage(9_000)),
            Some((39, 9_000, Some(14_000), 1_000))
        );
        assert_eq!(figures(asked(30, 9_500), usage(9_000)), Some((30, 9_500, Some(14_000), 9_500)));
        assert_eq!(figures(None, usage(9_000)), Some((39, 9_000, None, 9_000)));
    }

    #[test]
    fn more_calls_than_there_are_leave_none() {
        let usage = Some(ApiUsage { used: 500, max: 400, seen_at_ms: 1 });

        assert_eq!(Quota::newest(None, usage).unwrap().limits.calls.left, 0);
    }
}
