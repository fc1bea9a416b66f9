//! Ping datagrams: the latency that people see, and the sign that a connection is dead.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use collab_proto::Datagram;

/// What the last 20 pings say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Latency {
    /// The newest round trip, in microseconds; none before the first answer.
    pub last_us: Option<u64>,
    /// The median round trip, in microseconds.
    pub p50_us: Option<u64>,
    /// The mean difference between one round trip and the next, in microseconds; none before the second answer.
    pub jitter_us: Option<u64>,
    /// The share of pings without an answer, from 0 to 1. A ping counts as lost after 2 s.
    pub loss: f64,
    /// How many pings were sent, in all.
    pub sent: u64,
    /// How many of all were answered.
    pub answered: u64,
}

#[derive(Debug)]
struct Ping {
    seq: u64,
    sent_at: Instant,
    round_trip: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Heartbeat {
    epoch: Instant,
    every: Duration,
    next_seq: u64,
    answered: u64,
    pings: VecDeque<Ping>,
    round_trips: VecDeque<Duration>,
    beating: Option<Beat>,
}

/// What is known of the present connection.
#[derive(Debug)]
struct Beat {
    next_ping: Instant,
    last_ping: Instant,
    last_heard: Instant,
    /// Pings since anything was heard.
    unheard: u32,
}

impl Heartbeat {
    /// Time between two pings, unless set otherwise.
    pub(crate) const EVERY: Duration = Duration::from_secs(2);
    /// How many pings and answers are remembered.
    pub(crate) const WINDOW: usize = 20;
    /// A ping without an answer for this long is lost.
    pub(crate) const LOST_AFTER: Duration = Duration::from_secs(2);
    /// While the first ping after a word from the server has no answer, the next one goes after this long.
    const FIRST_DOUBT: Duration = Duration::from_secs(1);
    /// And every further one after this long: a silent server is asked more often, not waited for longer.
    const FURTHER_DOUBT: Duration = Duration::from_millis(500);
    /// A connection that brought nothing for this long is dead, when it was asked often enough. On a network that loses a third
    /// of all round trips, the four or more pings in that time are all lost once in eighty times or less, and a mistake
    /// costs a reconnect and no edit.
    pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(5);
    /// Unanswered pings without which no connection is dead: after a sleep of the machine the server gets a chance to answer.
    const DEAD_PINGS: u32 = 4;

    pub(crate) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            every: Self::EVERY,
            next_seq: 0,
            answered: 0,
            pings: VecDeque::new(),
            round_trips: VecDeque::new(),
            beating: None,
        }
    }

    pub(crate) fn set_interval(&mut self, every: Duration) {
        self.every = every.max(Duration::from_millis(10));
    }

    /// A connection stands: the first ping goes at once. Pings of an earlier connection are not counted as lost.
    pub(crate) fn start(&mut self, now: Instant) {
        self.pings.retain(|ping| ping.round_trip.is_some());
        self.beating = Some(Beat { next_ping: now, last_ping: now, last_heard: now, unheard: 0 });
    }

    pub(crate) fn stop(&mut self) {
        self.beating = None;
    }

    /// Anything came from the server.
    pub(crate) fn heard(&mut self, now: Instant) {
        if let Some(beat) = &mut self.beating {
            beat.last_heard = now;
            if beat.unheard > 0 {
                beat.unheard = 0;
                beat.next_ping = beat.last_ping + self.every;
            }
        }
    }

    /// The ping that is due, if one is.
    pub(crate) fn poll_ping(&mut self, now: Instant) -> Option<Datagram> {
        let beat = self.beating.as_mut().filter(|beat| beat.next_ping <= now)?;
        beat.unheard += 1;
        beat.last_ping = now;
        let doubt = if beat.unheard == 1 { Self::FIRST_DOUBT } else { Self::FURTHER_DOUBT };
        beat.next_ping = now + self.every.min(doubt);
        let seq = self.next_seq;
        self.next_seq += 1;
        push_bounded(&mut self.pings, Ping { seq, sent_at: now, round_trip: None });
        Some(Datagram::Ping { seq, sent_at: now.duration_since(self.epoch).as_micros() as u64 })
    }

    /// Takes an answer; false for one that was not asked for or came twice.
    pub(crate) fn pong(&mut self, now: Instant, seq: u64) -> bool {
        let Some(ping) = self.pings.iter_mut().find(|ping| ping.seq == seq && ping.round_trip.is_none()) else {
            return false;
        };
        let round_trip = now.duration_since(ping.sent_at);
        ping.round_trip = Some(round_trip);
        self.answered += 1;
        push_bounded(&mut self.round_trips, round_trip);
        true
    }

    pub(crate) fn is_dead(&self, now: Instant) -> bool {
        self.beating.as_ref().and_then(Beat::dies_at).is_some_and(|at| now >= at)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let beat = self.beating.as_ref()?;
        Some(beat.dies_at().map_or(beat.next_ping, |at| at.min(beat.next_ping)))
    }

    pub(crate) fn latency(&self, now: Instant) -> Latency {
        let mut sorted: Vec<_> = self.round_trips.iter().map(|trip| trip.as_micros() as u64).collect();
        let last_us = sorted.last().copied();
        let steps: Vec<_> = sorted.windows(2).map(|pair| pair[0].abs_diff(pair[1])).collect();
        sorted.sort_unstable();
        Latency {
            last_us,
            p50_us: sorted.get(sorted.len().saturating_sub(1) / 2).copied(),
            jitter_us: (!steps.is_empty()).then(|| steps.iter().sum::<u64>() / steps.len() as u64),
            loss: self.loss(now),
            sent: self.next_seq,
            answered: self.answered,
        }
    }

    fn loss(&self, now: Instant) -> f64 {
        let answered = self.pings.iter().filter(|ping| ping.round_trip.is_some()).count();
        let lost = self.pings.iter().filter(|p| p.round_trip.is_none() && now >= p.sent_at + Self::LOST_AFTER).count();
        if lost == 0 { 0.0 } else { lost as f64 / (lost + answered) as f64 }
    }
}

impl Beat {
    /// When the connection is dead unless something is heard; none while it was not asked often enough.
    fn dies_at(&self) -> Option<Instant> {
        let asked = self.unheard >= Heartbeat::DEAD_PINGS;
        asked.then(|| (self.last_heard + Heartbeat::DEAD_AFTER).max(self.last_ping + Heartbeat::FURTHER_DOUBT))
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, value: T) {
    if queue.len() == Heartbeat::WINDOW {
        queue.pop_front();
    }
    queue.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn ping(heart: &mut Heartbeat, now: Instant) -> u64 {
        match heart.poll_ping(now) {
            Some(Datagram::Ping { seq, .. }) => seq,
            other => panic!("no ping but {other:?}"),
        }
    }

    #[test]
    fn the_first_ping_goes_at_once_and_the_next_after_the_interval() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        assert_eq!(heart.poll_ping(start), None, "not without a connection");
        heart.start(start);
        ping(&mut heart, start);
        heart.heard(start + ms(30));
        assert_eq!(heart.poll_ping(start + ms(1999)), None);
        ping(&mut heart, start + ms(2000));
    }

    #[test]
    fn latency_is_the_median_with_jitter_and_loss() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        heart.start(start);
        for (i, trip) in [30, 10, 20, 90].into_iter().enumerate() {
            let at = start + ms(2000 * i as u64);
            let seq = ping(&mut heart, at);
            assert!(heart.pong(at + ms(trip), seq));
            assert!(!heart.pong(at + ms(trip), seq), "an answer counts once");
        }
        let at = start + ms(8000);
        ping(&mut heart, at);
        let latency = heart.latency(at + ms(1999));
        assert_eq!((latency.last_us, latency.p50_us), (Some(90_000), Some(20_000)));
        assert_eq!(latency.jitter_us, Some((20_000 + 10_000 + 70_000) / 3));
        assert_eq!(latency.loss, 0.0, "it may still come");
        assert_eq!(heart.latency(at + ms(2000)).loss, 0.2);
        assert!(!heart.pong(at, 999), "nobody asked");
    }

    #[test]
    fn only_the_last_twenty_count() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        heart.start(start);
        for i in 0..40 {
            let at = start + ms(2000 * i);
            let seq = ping(&mut heart, at);
            heart.pong(at + ms(if i < 20 { 500 } else { 5 }), seq);
        }
        assert_eq!(heart.latency(start).p50_us, Some(5000));
        assert_eq!((heart.pings.len(), heart.round_trips.len()), (20, 20));
    }

    /// Sends every ping that is due until the connection is dead: how long that takes, and how many pings.
    fn die(heart: &mut Heartbeat, mut now: Instant) -> (Duration, usize) {
        let (start, mut pings) = (now, 0);
        while !heart.is_dead(now) {
            pings += heart.poll_ping(now).iter().count();
            now = heart.poll_timeout().unwrap();
        }
        (now - start, pings)
    }

    #[test]
    fn a_silent_server_is_asked_more_often_and_given_up_after_five_seconds() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        heart.start(start);
        let seq = ping(&mut heart, start);
        heart.heard(start + ms(30));
        assert!(heart.pong(start + ms(30), seq));
        assert_eq!(heart.poll_timeout(), Some(start + ms(2000)));
        let (after, pings) = die(&mut heart, start + ms(30));
        assert!((ms(4970)..=ms(5500)).contains(&after), "{after:?}");
        assert_eq!(pings, 6);
    }

    #[test]
    fn any_word_is_life_and_pings_calm_down() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        heart.start(start);
        for at in [0, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500] {
            ping(&mut heart, start + ms(at));
        }
        heart.heard(start + ms(4900));
        assert!(!heart.is_dead(start + ms(9_000)));
        assert_eq!(heart.poll_timeout(), Some(start + ms(6500)));
        heart.stop();
        assert!(!heart.is_dead(start + ms(99_000)));
        assert_eq!(heart.poll_timeout(), None);
    }

    #[test]
    fn a_machine_that_slept_asks_before_it_gives_up() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        heart.start(start);
        ping(&mut heart, start);
        heart.heard(start + ms(30));
        let awake = start + Duration::from_secs(3600);
        assert!(!heart.is_dead(awake));
        let (after, pings) = die(&mut heart, awake);
        assert_eq!((after, pings), (ms(2500), 4));
    }

    #[test]
    fn rare_pings_are_not_taken_for_silence() {
        let start = Instant::now();
        let mut heart = Heartbeat::new(start);
        heart.set_interval(Duration::from_secs(60));
        heart.start(start);
        ping(&mut heart, start);
        heart.heard(start + ms(30));
        assert_eq!(heart.poll_timeout(), Some(start + Duration::from_secs(60)));
        assert!(!heart.is_dead(start + ms(59_999)));
    }
}
