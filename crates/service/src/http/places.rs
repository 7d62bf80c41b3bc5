//! Who has a connection, and whose is given up when one more is wanted.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::limits::HttpLimits;

/// An answer that is read slowly stands still for moments; only a longer one gives up its place.
const STALL_MIN: Duration = Duration::from_secs(2);

/// How often it is said that a peer was refused.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

const NEVER: u64 = u64::MAX;

/// All places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    limits: HttpLimits,
    start: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    seats: HashMap<u64, Seat>,
    next: u64,
    warned: Option<Instant>,
}

#[derive(Debug)]
struct Seat {
    /// `None` for one who may have any number.
    peer: Option<IpAddr>,
    state: Arc<State>,
    given_up: CancellationToken,
}

/// What came of asking for a place.
#[derive(Debug)]
pub(super) enum Taken {
    Place(Place),
    /// The peer has as many as it may have, and all are at work.
    TooManyOfPeer,
    /// All are taken and at work.
    Full,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    places: Arc<Places>,
    state: Arc<State>,
    given_up: CancellationToken,
}

/// Whether a connection waits for its client.
#[derive(Debug)]
pub(super) struct State {
    start: Instant,
    /// In milliseconds since the start, or [`NEVER`]: since when a request, or the rest of it, is
    /// waited for.
    waits_since: AtomicU64,
    /// Since when nothing of an answer could be written.
    stalls_since: AtomicU64,
}

impl Places {
    pub(super) fn new(limits: HttpLimits) -> Self {
        Self { limits, start: Instant::now(), open: Mutex::default() }
    }

    /// A place for a connection of this peer, if need be that of one that waits.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Taken {
        let peer = (!self.limits.proxies.contains(peer)).then(|| counted(peer));
        let mut open = self.open();
        if let Some(peer) = peer {
            let own = open.seats.values().filter(|seat| seat.peer == Some(peer)).count();
            if own >= self.limits.per_peer_max
                && !open.give_up(now(self.start), |seat| seat.peer == Some(peer))
            {
                open.warn_of(peer, own);
                return Taken::TooManyOfPeer;
            }
        }
        if open.seats.len() >= self.limits.connections_max
            && !open.give_up(now(self.start), |_| true)
        {
            return Taken::Full;
        }
        Taken::Place(self.enter(&mut open, peer))
    }

    fn enter(self: &Arc<Self>, open: &mut Open, peer: Option<IpAddr>) -> Place {
        let state = Arc::new(State {
            start: self.start,
            waits_since: now(self.start).into(),
            stalls_since: NEVER.into(),
        });
        let (id, given_up) = (open.next, CancellationToken::new());
        open.next += 1;
        let seat = Seat { peer, state: Arc::clone(&state), given_up: given_up.clone() };
        open.seats.insert(id, seat);
        Place { id, places: Arc::clone(self), state, given_up }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Ends the connection that waits longest for its client. Gives whether there is one.
    fn give_up(&mut self, now: u64, may_be: impl Fn(&Seat) -> bool) -> bool {
        let waiting = self.seats.iter().filter(|(_, seat)| may_be(seat));
        let waiting = waiting.filter_map(|(id, seat)| Some((seat.state.waiting_since(now)?, *id)));
        let Some((_, longest)) = waiting.min() else { return false };
        if let Some(seat) = self.seats.remove(&longest) {
            seat.given_up.cancel();
        }
        true
    }

    fn warn_of(&mut self, peer: IpAddr, connections: usize) {
        if self.warned.is_none_or(|warned| warned.elapsed() > BETWEEN_WARNINGS) {
            self.warned = Some(Instant::now());
            tracing::warn!("{peer} has {connections} connections at work; more are refused");
        }
    }
}

impl Place {
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Cancelled when somebody else has the place.
    pub(super) fn given_up(&self) -> CancellationToken {
        self.given_up.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().seats.remove(&self.id);
    }
}

impl State {
    /// A request is under way.
    pub(super) fn works(&self) {
        self.waits_since.store(NEVER, Ordering::Relaxed);
    }

    /// The client is to send something.
    pub(super) fn waits(&self) {
        let _since_before = self.waits_since.compare_exchange(
            NEVER,
            now(self.start),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// The client is to read something.
    pub(super) fn stalls(&self) {
        let _since_before = self.stalls_since.compare_exchange(
            NEVER,
            now(self.start),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// The client has read something.
    pub(super) fn moves(&self) {
        self.stalls_since.store(NEVER, Ordering::Relaxed);
    }

    fn waiting_since(&self, now: u64) -> Option<u64> {
        let waits = self.waits_since.load(Ordering::Relaxed);
        let stalls = self.stalls_since.load(Ordering::Relaxed);
        let is_long = u128::from(now.saturating_sub(stalls)) >= STALL_MIN.as_millis();
        let stalls = if is_long { stalls } else { NEVER };
        Some(waits.min(stalls)).filter(|since| *since != NEVER)
    }
}

fn now(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(NEVER - 1)
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::Networks;

    fn places(connections_max: usize, per_peer_max: usize) -> Arc<Places> {
        let proxies = Networks::loopback();
        let write_timeout = Duration::from_secs(1);
        let limits = HttpLimits { connections_max, per_peer_max, proxies, write_timeout };
        Arc::new(Places::new(limits))
    }

    fn take(places: &Arc<Places>, peer: &str) -> Option<Place> {
        match places.take(peer.parse().unwrap()) {
            Taken::Place(place) => Some(place),
            Taken::TooManyOfPeer | Taken::Full => None,
        }
    }

    #[test]
    fn a_connection_that_waits_gives_way_and_one_at_work_does_not() {
        let places = places(2, 2);
        let at_work = take(&places, "10.0.0.1").unwrap();
        at_work.state.works();
        let waits = take(&places, "10.0.0.2").unwrap();

        let newer = take(&places, "10.0.0.3").unwrap();

        assert!(waits.given_up.is_cancelled() && !at_work.given_up.is_cancelled());
        newer.state.works();
        assert!(take(&places, "10.0.0.4").is_none());
        drop(at_work);
        assert!(take(&places, "10.0.0.4").is_some());
    }

    #[test]
    fn an_answer_that_nobody_reads_gives_way_after_a_while_only() {
        let state =
            State { start: Instant::now(), waits_since: NEVER.into(), stalls_since: NEVER.into() };
        assert_eq!(state.waiting_since(10_000), None);

        state.stalls_since.store(9_000, Ordering::Relaxed);

        assert_eq!(state.waiting_since(10_000), None);
        assert_eq!(state.waiting_since(11_000), Some(9_000));
        state.moves();
        assert_eq!(state.waiting_since(11_000), None);
    }

    #[test]
    fn one_peer_takes_its_share_and_a_proxy_any() {
        for (peer, again, is_let_in) in [
            ("10.0.0.1", "10.0.0.1", false),
            ("10.0.0.1", "::ffff:10.0.0.1", false),
            ("2001:db8::1", "2001:db8::2:0:0:1", false),
            ("10.0.0.1", "10.0.0.2", true),
            ("2001:db8::1", "2001:db8:0:1::1", true),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            let places = places(9, 1);
            let first = take(&places, peer).unwrap();
            first.state.works();

            assert_eq!(take(&places, again).is_some(), is_let_in, "{peer} {again}");
        }
    }

    #[test]
    fn a_peer_with_all_its_places_gives_up_one_of_its_own() {
        let places = places(9, 1);
        let other = take(&places, "10.0.0.2").unwrap();
        let first = take(&places, "10.0.0.1").unwrap();

        let second = take(&places, "10.0.0.1");

        assert!(second.is_some() && first.given_up.is_cancelled());
        assert!(!other.given_up.is_cancelled());
    }
}
