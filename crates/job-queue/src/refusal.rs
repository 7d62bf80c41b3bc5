//! What an error of Redis means: whether it passes, and what Redis said.

use redis::{RedisError, ServerErrorKind};

/// Codes of what passes by itself: Redis is starting, is being failed over, its slot of a cluster is
/// on its way, it has no memory left or may not write at the moment, or a script takes long.
const PASSING: &[&str] = &[
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MOVED",
    "ASK",
    "OOM",
    "BUSY",
    "MISCONF",
    "NOREPLICAS",
];

/// Whether waiting may help: Redis cannot be reached, or says that it cannot at the moment.
pub(crate) fn is_away(error: &RedisError) -> bool {
    use redis::ErrorKind::{AuthenticationFailed, ClusterConnectionNotFound, Io, Server};
    error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        // Who was signed in before may not for a while: a password is being changed, a replica that took
        // over has not got the user, a token has ended.
        || matches!(error.kind(), Io | ClusterConnectionNotFound | AuthenticationFailed)
        // Of a transaction, whose commands are always the same: the server could not.
        || error.kind() == Server(ServerErrorKind::ExecAbort)
        // A new connection chooses its database, which Redis refuses while it starts.
        || error.detail().is_some_and(|detail| detail.contains("is loading the dataset"))
        || has_no_place(error)
        || has_code(error, PASSING)
}

/// Whether Redis has no memory left for what was asked.
pub(crate) fn is_full(error: &RedisError) -> bool {
    has_code(error, &["OOM"])
}

/// Whether Redis has as many connections as it may have.
pub(crate) fn has_no_place(error: &RedisError) -> bool {
    error.to_string().contains("max number of clients reached")
}

/// Whether Redis gave one of these codes.
pub(crate) fn has_code(error: &RedisError, codes: &[&str]) -> bool {
    let met = |code: &str, details: Option<&str>| {
        // Redis 6.2 wraps what a script met.
        let is_wrapped =
            |met: &&str| details.is_some_and(|text| text.contains(&format!("-{met} ")));
        codes.contains(&code) || codes.iter().any(is_wrapped)
    };
    // Of a pipeline and of a transaction, each command has an answer of its own.
    error
        .clone()
        .into_server_errors()
        .is_some_and(|errors| errors.iter().any(|(_, error)| met(error.code(), error.details())))
}

/// Whether a script called a command that its user may not: Redis says so without a code of its own, and
/// without the command.
pub(crate) fn is_forbidden_in_a_script(error: &RedisError) -> bool {
    error.to_string().contains("user executing the script can't run this command")
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, parse_redis_value};

    use super::*;

    fn error(answer: &str) -> RedisError {
        parse_redis_value(format!("-{answer}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn what_passes_is_waited_for_and_nothing_else() {
        for passing in [
            "LOADING Redis is loading the dataset in memory",
            "READONLY You can't write against a read only replica.",
            "READONLY You can't write against a read only replica. script: 5b1, on @user_script:3.",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "CLUSTERDOWN The cluster is down",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "MOVED 550 127.0.0.1:7001",
            "ERR max number of clients reached",
            "ASK 550 127.0.0.1:7001",
            "EXECABORT Transaction discarded because of previous errors.",
            "ERR Error running script (call to f_5b1): @user_script:3: -OOM command not allowed when used",
            "ERR Error running script (call to f_5b1): @user_script:3: -READONLY You can't write against",
        ] {
            assert!(is_away(&error(passing)), "{passing}");
        }
        for lasting in [
            "ERR unknown command 'FOO'",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "NOPERM this user has no permissions to run the 'info' command",
            "NOAUTH Authentication required.",
            "CROSSSLOT Keys in request don't hash to the same slot",
        ] {
            assert!(!is_away(&error(lasting)), "{lasting}");
        }
    }

    #[test]
    fn a_redis_that_starts_may_refuse_to_choose_a_database() {
        let said = (
            ErrorKind::Server(ServerErrorKind::ResponseError),
            "Redis server refused to switch database",
            "Redis is loading the dataset in memory".to_owned(),
        );

        assert!(is_away(&RedisError::from(said)));
    }

    #[test]
    fn a_code_is_found_in_what_a_script_met() {
        let wrapped =
            "ERR Error running script (call to f_5b1): @user_script:3: -READONLY You can't";

        assert!(has_code(&error(wrapped), &["MOVED", "READONLY"]));
        assert!(!has_code(&error(wrapped), &["MOVED"]));
    }
}
