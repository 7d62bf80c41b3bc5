//! The client of a request: the peer of the connection, or the client that a trusted proxy names.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::HeaderMap;
use service::Networks;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::cli::http_args::HttpArgs;

/// How much of X-Forwarded-For is logged.
const FORWARDED_CHARS_MAX: usize = 100;

/// Which proxies there are.
#[derive(Debug)]
pub(crate) struct Proxies {
    /// Trusted: their X-Forwarded-For counts.
    trusted: Networks,
    /// Those behind which there may be many.
    shared: Networks,
}

/// The client of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) peer: IpAddr,
    /// All that a trusted proxy says of whom it asks for.
    pub(crate) forwarded_for: Option<String>,
    /// By what its share is counted; `None` for one behind whom there may be many.
    counted: Option<IpAddr>,
}

impl Proxies {
    pub(crate) fn new(args: &HttpArgs) -> Self {
        Self { trusted: args.http_trusted_proxies.clone(), shared: args.proxies() }
    }

    /// Who sent this, over a connection of `peer`.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> Client {
        let peer = peer.ip().to_canonical();
        if !self.trusted.contains(peer) {
            let counted = (!self.shared.contains(peer)).then_some(peer);
            return Client { peer, forwarded_for: None, counted };
        }
        let lines = headers.get_all("x-forwarded-for").into_iter();
        let said: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let said = said.join(",");
        // Entries before the last trusted proxy's own can be forged.
        let hops = said.rsplit(',').map(|hop| hop.trim().parse::<IpAddr>().ok());
        let mut others = hops.skip_while(|hop| hop.is_some_and(|hop| self.trusted.contains(hop)));
        let counted = others.next().flatten().map(|hop| hop.to_canonical());
        let forwarded_for = (!said.is_empty()).then(|| shortened(&said));
        Client { peer, forwarded_for, counted }
    }
}

/// The end, which is the last proxy's own.
fn shortened(said: &str) -> String {
    let left_out = said.chars().count().saturating_sub(FORWARDED_CHARS_MAX);
    said.chars().skip(left_out).collect()
}

/// So many at a time, and so many of one client.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    max: usize,
    per_client_max: usize,
    taken: Arc<Mutex<Shared>>,
    /// A share was released.
    freed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Shared {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Shares,
    client: Option<IpAddr>,
}

impl Shares {
    pub(crate) fn new(max: usize, per_client_max: usize) -> Self {
        Self { max, per_client_max, taken: Arc::default(), freed: Arc::default() }
    }

    /// One more.
    ///
    /// # Errors
    ///
    /// How many there are already, of this client or of all.
    pub(crate) fn take(&self, client: &Client) -> Result<Share, usize> {
        let mut taken = self.taken();
        if taken.all >= self.max {
            return Err(self.max);
        }
        if let Some(client) = client.counted {
            let own = taken.by_client.entry(client).or_default();
            if *own >= self.per_client_max {
                return Err(self.per_client_max);
            }
            *own += 1;
        }
        taken.all += 1;
        Ok(Share { of: self.clone(), client: client.counted })
    }

    /// The same, as soon as one is free.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take), after so long.
    pub(crate) async fn take_within(
        &self,
        patience: Duration,
        client: &Client,
    ) -> Result<Share, usize> {
        let end = Instant::now() + patience;
        loop {
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            let under_way = match self.take(client) {
                Ok(share) => return Ok(share),
                Err(under_way) => under_way,
            };
            timeout_at(end, freed).await.map_err(|_| under_way)?;
        }
    }

    /// How many are taken.
    pub(crate) fn number(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Shared> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        taken.all -= 1;
        self.of.freed.notify_waiters();
        let Some(client) = self.client else { return };
        let own = taken.by_client.entry(client).or_default();
        *own = own.saturating_sub(1);
        if *own == 0 {
            taken.by_client.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, said: &[&str]) -> Client {
        let trusted: Networks = trusted.parse().unwrap();
        let shared = if trusted.is_empty() { Networks::loopback() } else { trusted.clone() };
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        Proxies { trusted, shared }.client(peer, &headers)
    }

    #[test]
    fn a_proxy_is_believed_when_it_is_trusted_and_only_in_its_own_word() {
        // (trusted, peer, what the peer says; shown, counted)
        let cases: [(&str, &str, &[&str], &str, &str); 8] = [
            ("", "10.0.0.1", &["9.9.9.9"], "", "10.0.0.1"),
            ("", "127.0.0.1", &["9.9.9.9"], "", ""),
            ("127.0.0.1", "127.0.0.1", &["9.9.9.9"], "9.9.9.9", "9.9.9.9"),
            ("127.0.0.1", "127.0.0.1", &[], "", ""),
            ("10.0.0.1", "127.0.0.1", &["9.9.9.9"], "", "127.0.0.1"),
            ("10.0.0.1", "10.0.0.1", &["8.8.8.8, 9.9.9.9"], "8.8.8.8, 9.9.9.9", "9.9.9.9"),
            ("10.0.0.0/8", "10.0.0.1", &["8.8.8.8", "10.0.0.2"], "8.8.8.8,10.0.0.2", "8.8.8.8"),
            ("10.0.0.1", "10.0.0.1", &["9.9.9.9, who knows"], "9.9.9.9, who knows", ""),
        ];

        for (trusted, peer, said, shown, counted) in cases {
            let client = client(trusted, peer, said);

            let found = client.forwarded_for.as_deref().unwrap_or_default();
            assert_eq!(found, shown, "{trusted} {peer} {said:?}");
            let counted = counted.parse::<IpAddr>().ok();
            assert_eq!(client.counted, counted, "{trusted} {peer} {said:?}");
        }
        let long = "x".repeat(1_000);
        let shown = client("10.0.0.1", "10.0.0.1", &[&long]).forwarded_for.unwrap();
        assert_eq!(shown.len(), FORWARDED_CHARS_MAX);
    }

    #[test]
    fn one_client_leaves_some_for_others() {
        let shares = Shares::new(3, 2);
        let (one, other) = (client("", "10.0.0.1", &[]), client("", "10.0.0.2", &[]));
        let first = shares.take(&one).unwrap();
        let _second = shares.take(&one).unwrap();

        assert_eq!(shares.take(&one).err(), Some(2));
        let _of_other = shares.take(&other).unwrap();
        assert_eq!(shares.take(&other).err(), Some(3));
        drop(first);
        assert_eq!(shares.number(), 2);
        assert!(shares.take(&one).is_ok());
    }

    #[tokio::test]
    async fn one_that_is_given_back_goes_to_who_waits_for_it() {
        let shares = Shares::new(1, 1);
        let (one, other) = (client("", "10.0.0.1", &[]), client("", "10.0.0.2", &[]));
        let taken = shares.take(&one).unwrap();
        let soon = Duration::from_millis(10);
        assert_eq!(shares.take_within(soon, &other).await.err(), Some(1));

        let waiting = shares.take_within(Duration::from_secs(60), &other);
        let giving_back = async { drop(taken) };

        assert!(futures::future::join(waiting, giving_back).await.0.is_ok());
    }

    #[test]
    fn whom_many_may_stand_behind_is_not_counted_as_one() {
        let shares = Shares::new(3, 1);
        let proxy = client("", "127.0.0.1", &[]);

        let taken: Vec<_> = (0..4).map(|_| shares.take(&proxy)).collect();

        assert_eq!(taken.iter().filter(|share| share.is_ok()).count(), 3);
    }
}
