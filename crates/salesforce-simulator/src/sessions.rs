//! Access tokens: who holds one, and when it ends.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::faults::Faults;

/// The one user of the org, on whose behalf everything runs.
pub(crate) const USER_ID: &str = "005S1000000SimuIAC";

/// Older tokens are forgotten.
const SESSIONS_MAX: usize = 1000;
const SECRET_CHARACTERS: usize = 40;

/// The tokens that are valid.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// First part of every token.
    org_id: String,
    open: Mutex<VecDeque<Session>>,
    /// What opens a session without anybody being asked again.
    refresh_token: Mutex<Option<String>>,
}

struct Session {
    token: String,
    since: Instant,
    calls: u64,
}

impl Sessions {
    pub(crate) fn new(org_id: &str) -> Self {
        let org_id = org_id[..15].to_owned();
        Self { org_id, open: Mutex::default(), refresh_token: Mutex::default() }
    }

    /// A new token. Its letters do not depend on the seed: after a restart no
    /// old token is valid by chance.
    pub(crate) fn open(&self) -> String {
        let token = format!("{}!{}", self.org_id, secret());
        self.admit(token.clone());
        token
    }

    /// Makes a token valid.
    pub(crate) fn admit(&self, token: String) {
        let mut open = self.lock();
        if open.len() == SESSIONS_MAX {
            open.pop_front();
        }
        open.push_back(Session { token, since: Instant::now(), calls: 0 });
    }

    /// Counts a call with this token; `false` when it is not valid, or ends
    /// with this call by one of the faults.
    pub(crate) fn admits(&self, token: &str, faults: &Faults) -> bool {
        let mut open = self.lock();
        let Some(place) = open.iter().rposition(|session| session.token == token) else {
            return false;
        };
        let session = &mut open[place];
        session.calls += 1;
        let spent = faults.token_calls_max.is_some_and(|most| session.calls > most);
        let age_max = faults.token_seconds_max.map(Duration::from_secs);
        if spent || age_max.is_some_and(|most| session.since.elapsed() >= most) {
            open.remove(place);
            return false;
        }
        true
    }

    /// Ends all tokens.
    pub(crate) fn close_all(&self) {
        self.lock().clear();
    }

    /// Ends a token; `false` when it was not valid.
    pub(crate) fn close(&self, token: &str) -> bool {
        let mut open = self.lock();
        let before = open.len();
        open.retain(|session| session.token != token);
        open.len() < before
    }

    /// Makes a refresh token valid, in place of the one before.
    pub(crate) fn admit_refresh(&self, token: String) {
        *self.lock_refresh() = Some(token);
    }

    pub(crate) fn may_refresh(&self, token: &str) -> bool {
        self.lock_refresh().as_deref() == Some(token)
    }

    /// A refresh token in place of this one.
    pub(crate) fn rotate(&self, token: &str) -> String {
        let next = format!("{}.{}", token.split('.').next().unwrap_or(token), secret());
        self.admit_refresh(next.clone());
        next
    }

    /// Ends an access token or a refresh token; `false` when it was not valid.
    pub(crate) fn revoke(&self, token: &str) -> bool {
        let refresh_token = &mut *self.lock_refresh();
        if refresh_token.as_deref() == Some(token) {
            *refresh_token = None;
            return true;
        }
        self.close(token)
    }

    fn lock_refresh(&self) -> MutexGuard<'_, Option<String>> {
        self.refresh_token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn secret() -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(SECRET_CHARACTERS).collect()
}

/// Without the token.
impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("calls", &self.calls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_token_is_valid_until_it_is_closed() {
        let sessions = Sessions::new(Config::ORG_ID);
        let token = sessions.open();

        assert!(sessions.admits(&token, &Faults::default()));
        assert!(!sessions.admits("00DS1000000Simu!other", &Faults::default()));
        assert!(sessions.close(&token));
        assert!(!sessions.admits(&token, &Faults::default()));
    }

    #[test]
    fn a_token_ends_after_as_many_calls_as_the_fault_says() {
        let sessions = Sessions::new(Config::ORG_ID);
        let token = sessions.open();
        let faults = Faults { token_calls_max: Some(2), ..Faults::default() };

        let admitted: Vec<bool> = (0..4).map(|_| sessions.admits(&token, &faults)).collect();

        assert_eq!(admitted, [true, true, false, false]);
    }

    #[test]
    fn a_token_ends_with_age() {
        let sessions = Sessions::new(Config::ORG_ID);
        let token = sessions.open();
        let faults = Faults { token_seconds_max: Some(0), ..Faults::default() };

        assert!(!sessions.admits(&token, &faults));
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let sessions = Sessions::new(Config::ORG_ID);
        let first = sessions.open();
        for _ in 0..SESSIONS_MAX {
            sessions.open();
        }

        assert!(!sessions.admits(&first, &Faults::default()));
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
    }
}
