//! The part of the day's API calls that is reserved for the org's other clients.

use std::str::FromStr;

use salesforce::Usage;

/// How much is kept for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiReserve {
    /// So many percent of the day's calls.
    Percent(u8),
    /// So many calls.
    Calls(u64),
}

impl ApiReserve {
    /// Whether only the reserve is left.
    pub(crate) fn is_reached(self, usage: Usage) -> bool {
        let kept = match self {
            Self::Percent(percent) => usage.max.saturating_mul(u64::from(percent)).div_ceil(100),
            Self::Calls(calls) => calls,
        };
        usage.used >= usage.max.saturating_sub(kept)
    }

    /// How much is kept of something else that the org has `max` of a day: as large a part of it as
    /// of its calls.
    pub(crate) fn share_of(self, max: u64, calls_max: u64) -> u64 {
        let (part, of) = match self {
            Self::Percent(percent) => (u64::from(percent), 100),
            Self::Calls(calls) => (calls.min(calls_max), calls_max.max(1)),
        };
        max.saturating_mul(part).div_ceil(of)
    }
}

impl FromStr for ApiReserve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || "write a share such as 10%, or a number of calls".to_owned();
        match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent| *percent < 100)
                .map(Self::Percent)
                .ok_or_else(problem),
            None => text.trim().parse().map(Self::Calls).map_err(|_| problem()),
        }
    }
}

impl std::fmt::Display for ApiReserve {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(formatter, "{percent}%"),
            Self::Calls(calls) => write!(formatter, "{calls}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_share_or_a_number() {
        for (text, used, expected) in [
            ("10%", 899, false),
            ("10%", 900, true),
            ("10%", 1_200, true),
            ("0%", 999, false),
            ("0%", 1_000, true),
            ("50", 949, false),
            ("50", 950, true),
            ("5000", 0, true),
        ] {
            let reserve: ApiReserve = text.parse().unwrap();
            assert_eq!(reserve.is_reached(Usage { used, max: 1_000 }), expected, "{text} {used}");
            assert_eq!(reserve.to_string(), text);
        }
        for (text, kept) in [("10%", 1_500), ("0", 0), ("5000", 750), ("100000", 15_000), ("1", 1)]
        {
            let reserve: ApiReserve = text.parse().unwrap();
            assert_eq!(reserve.share_of(15_000, 100_000), kept, "{text} of 15,000 batches");
        }
        for text in ["", "100%", "-1", "ten", "%"] {
            assert!(text.parse::<ApiReserve>().is_err(), "{text}");
        }
    }
}
