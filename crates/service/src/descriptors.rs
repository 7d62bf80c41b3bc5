//! File descriptors: each connection takes one, and so does each connection, file and pipe that the
//! work needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this is never asked for.
const ENOUGH: u64 = 65_536;

/// Raises this process's soft limit of open files to its hard one. Gives how many it may open.
pub fn raise_descriptor_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    if current.is_some_and(|current| current < wanted) {
        // Where it is refused, there are as many as before.
        let _refused = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH);
    usize::try_from(current).unwrap_or(usize::MAX)
}

/// How many connections a listener may take of `descriptors`: half of them are kept for the work.
pub(crate) fn connections_of(descriptors: usize, wanted: usize) -> usize {
    wanted.min(descriptors / 2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_are_kept_for_the_work() {
        let cases = [(65_536, 1_200, 1_200), (1_024, 1_200, 512), (1_024, 64, 64), (1, 64, 1)];

        for (descriptors, wanted, connections) in cases {
            assert_eq!(connections_of(descriptors, wanted), connections, "{descriptors}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let may_open = raise_descriptor_limit();

        let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(ENOUGH).min(ENOUGH);
        assert!(may_open as u64 >= hard, "{may_open} of {hard}");
    }
}
