//! What an error of Redis means: which error of the queue it is, whether it passes, and what Redis said.

use redis::{ErrorKind, IntoConnectionInfo, RedisError, ServerErrorKind};
use secrecy::{ExposeSecret, SecretString};

use crate::{QueueError, Server};

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

impl QueueError {
    /// Whether it passes only when a person acts.
    #[must_use]
    pub fn is_for_a_person(&self) -> bool {
        match self {
            Self::InvalidUrl
            | Self::UnixSocket
            | Self::Fragment
            | Self::TokenWithoutTls
            | Self::ClusterDatabase
            | Self::NoDatabase { .. }
            | Self::NoAuthorities { .. }
            | Self::NoPassword { .. }
            | Self::Denied { .. }
            | Self::TokenRefused { .. }
            | Self::SentinelSignIn { .. }
            | Self::MayNotAsk { .. }
            | Self::Forbidden { .. }
            | Self::Untrusted { .. }
            | Self::OfOtherOrg { .. } => true,
            // All that answered know no such name.
            Self::NoMaster { source: None, .. } => true,
            Self::NoMaster { source: Some(source), .. }
            | Self::NoClusterNode { source: Some(source), .. } => {
                is_answer(source) && !is_away(source)
            }
            _passes => false,
        }
    }

    /// Whether a failover, or a start of Redis, ends it. `is_told`: somebody who answered told where Redis
    /// is.
    pub(crate) fn is_failover(&self, is_told: bool) -> bool {
        match self {
            Self::Unreachable { source, .. } => is_told || (is_answer(source) && is_away(source)),
            Self::NoMaster { source: Some(source), .. }
            | Self::NoClusterNode { source: Some(source), .. } => {
                is_answer(source) && is_away(source)
            }
            _lasts => false,
        }
    }

    /// Why nothing could be connected to this URL.
    pub(crate) fn unreachable(url: &SecretString, source: RedisError) -> Self {
        Self::of_server(Server::Redis, url, source)
    }

    /// Why this server could not be asked.
    pub(crate) fn of_server(server: Server, url: &SecretString, source: RedisError) -> Self {
        let Ok(info) = url.expose_secret().into_connection_info() else { return Self::InvalidUrl };
        let address = info.addr().to_string();
        let has_tls = url.expose_secret().starts_with("rediss:");
        let said = source.to_string();
        let is_denied = source.kind() == ErrorKind::AuthenticationFailed;
        // A Redis without TLS waits for the end of a line. As rustls says it: what came is no TLS, or a
        // certificate that it does not take.
        if has_tls && (source.is_timeout() || said.contains("InvalidContentType")) {
            Self::NoTls { server, address, source }
        } else if has_tls && said.contains("peer certificate") {
            Self::Untrusted { server, address, source }
        } else if has_tls && said.contains("PEM") {
            Self::NoAuthorities { address, source }
        } else if has_no_place(&source) {
            Self::NoPlace { address }
        } else if has_code(&source, &["NOPERM"]) {
            Self::MayNotAsk { server, address, source }
        } else if server == Server::Sentinel && (is_denied || has_code(&source, &["NOAUTH"])) {
            Self::SentinelSignIn { address, source }
        } else if has_code(&source, &["NOAUTH"]) {
            Self::NoPassword { address }
        } else if said.contains("SELECT is not allowed in cluster mode") {
            Self::ClusterDatabase
        } else if said.contains("refused to switch database") && !is_away(&source) {
            Self::NoDatabase { address, source }
        } else if is_denied {
            Self::Denied { address }
        } else if !has_tls && (source.kind() == ErrorKind::Parse || is_cut(&source)) {
            // A server with TLS ends a connection that does not begin with it.
            Self::NotPlain { server, address, source }
        } else {
            Self::Unreachable { address, source }
        }
    }

    /// Why Redis did not do this, when waiting does not help.
    pub(crate) fn refused(action: &'static str, source: RedisError) -> Self {
        match has_code(&source, &["NOPERM"]) || is_forbidden_in_a_script(&source) {
            true => Self::Forbidden { action, source },
            false => Self::Refused { action, source },
        }
    }
}

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

/// Whether somebody answered, and this is what it said.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_))
}

/// Somebody was there, and went.
fn is_cut(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal()
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
