//! Limits on what is done at a time, for all clients and for each of them.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::server::client::Client;

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

    fn client(counted: Option<&str>) -> Client {
        let counted = counted.map(|address| address.parse().unwrap());
        let peer = counted.unwrap_or(IpAddr::from([127, 0, 0, 1]));
        Client { peer, forwarded_for: None, counted }
    }

    #[test]
    fn one_client_leaves_some_for_others() {
        let shares = Shares::new(3, 2);
        let (one, other) = (client(Some("10.0.0.1")), client(Some("10.0.0.2")));
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
        let (one, other) = (client(Some("10.0.0.1")), client(Some("10.0.0.2")));
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
        let proxy = client(None);

        let taken: Vec<_> = (0..4).map(|_| shares.take(&proxy)).collect();

        assert_eq!(taken.iter().filter(|share| share.is_ok()).count(), 3);
    }
}
