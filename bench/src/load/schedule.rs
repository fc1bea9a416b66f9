//! Every cue of a run, in the order of time.

use std::iter::Peekable;
use std::time::Duration;

use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::user::Deed;

/// How the edits of a user are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// By chance, independently of each other, as many people make them.
    Poisson,
    /// At one distance, from a phase by chance.
    Fixed,
}

/// A cue: what somebody is meant to do, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// When, from the beginning of the editing.
    pub at: Duration,
    /// Who.
    pub user: usize,
    /// What.
    pub deed: Deed,
}

/// An open-loop schedule: it does not wait for anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// In the order of time.
    edits: Vec<(Duration, u32)>,
    rounds: Vec<Rounds>,
    duration: Duration,
}

/// Something that each of some users does again and again at one distance, each from a phase of its own.
#[derive(Debug, Clone, PartialEq)]
struct Rounds {
    deed: Deed,
    period: Duration,
    /// Phase and user, in the order of the phases.
    phases: Vec<(Duration, usize)>,
}

impl Schedule {
    /// Draws the edits of these users.
    pub fn draw(seed: u64, writers: &[u32], arrival: Arrival, profile: &Profile) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let edits = match arrival {
            Arrival::Fixed => fixed(&mut random, writers, profile),
            Arrival::Poisson => poisson(&mut random, writers, profile),
        };
        Self { edits, rounds: Vec::new(), duration: profile.duration() }
    }

    /// Leaves only the edits of these users.
    pub fn keep(&mut self, is_kept: impl Fn(usize) -> bool) {
        self.edits.retain(|&(_, user)| is_kept(user as usize));
    }

    /// Lets these users do something once in every period as well.
    pub fn add_rounds(&mut self, seed: u64, deed: Deed, period: Duration, users: impl Iterator<Item = usize>) {
        let mut random = StdRng::seed_from_u64(seed);
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
        let phase = |random: &mut StdRng| Duration::from_nanos(random.random_range(0..period_ns));
        let mut phases: Vec<_> = users.map(|user| (phase(&mut random), user)).collect();
        phases.sort_unstable();
        self.rounds.push(Rounds { deed, period, phases });
    }

    /// Every cue before the end, in the order of time.
    pub fn beats(&self) -> impl Iterator<Item = Beat> + '_ {
        type Source<'s> = Peekable<Box<dyn Iterator<Item = Beat> + 's>>;
        let edits = self.edits.iter().map(|&(at, user)| Beat { at, user: user as usize, deed: Deed::Edit });
        let mut sources: Vec<Source<'_>> = vec![(Box::new(edits) as Box<dyn Iterator<Item = Beat>>).peekable()];
        for rounds in &self.rounds {
            sources.push((Box::new(rounds.beats()) as Box<dyn Iterator<Item = Beat>>).peekable());
        }
        let next = std::iter::from_fn(move || {
            let first = |source: &mut Source<'_>| source.peek().map_or(Duration::MAX, |beat| beat.at);
            sources.iter_mut().map(|source| (first(source), source)).min_by_key(|(at, _)| *at)?.1.next()
        });
        next.take_while(|beat| beat.at < self.duration)
    }
}

impl Rounds {
    fn beats(&self) -> impl Iterator<Item = Beat> + '_ {
        let Self { deed, period, phases } = self;
        let round = move |round: u32| {
            phases.iter().map(move |&(phase, user)| Beat { at: phase + *period * round, user, deed: *deed })
        };
        (0..if phases.is_empty() { 0 } else { u32::MAX }).flat_map(round)
    }
}

/// Each user edits whenever one more of its edits has become due, from a phase by chance.
fn fixed(random: &mut StdRng, writers: &[u32], profile: &Profile) -> Vec<(Duration, u32)> {
    let mut edits = Vec::new();
    for &user in writers {
        let mut due: f64 = random.random_range(0.0..1.0);
        while let Some(at) = profile.time_of(due) {
            edits.push((at, user));
            due += 1.0;
        }
    }
    edits.sort_unstable();
    edits
}

/// The edits of all users are one process: the gaps have an exponential distribution, and each falls on anybody.
fn poisson(random: &mut StdRng, writers: &[u32], profile: &Profile) -> Vec<(Duration, u32)> {
    let (mut edits, mut due) = (Vec::new(), 0.0);
    while let Some(&user) = writers.choose(random) {
        let gap = -f64::ln(1.0 - random.random_range(0.0..1.0));
        due += gap / writers.len() as f64;
        let Some(at) = profile.time_of(due) else { break };
        edits.push((at, user));
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_A_MINUTE: Duration = Duration::from_secs(30);

    fn draw(seed: u64, users: u32, arrival: Arrival) -> Schedule {
        let users: Vec<u32> = (0..users).collect();
        Schedule::draw(seed, &users, arrival, &Profile::constant(0.5, HALF_A_MINUTE))
    }

    #[test]
    fn a_seed_gives_one_schedule_and_another_seed_another() {
        for arrival in [Arrival::Fixed, Arrival::Poisson] {
            assert_eq!(draw(7, 50, arrival), draw(7, 50, arrival));
            assert_ne!(draw(7, 50, arrival), draw(8, 50, arrival));
        }
    }

    #[test]
    fn with_fixed_arrivals_every_user_edits_at_one_distance() {
        let beats: Vec<_> = draw(1, 20, Arrival::Fixed).beats().collect();
        assert_eq!(beats.len(), 20 * 15);
        assert!(beats.is_sorted_by_key(|beat| beat.at));
        for user in 0..20 {
            let times: Vec<_> = beats.iter().filter(|beat| beat.user == user).map(|beat| beat.at).collect();
            let even =
                |pair: &[Duration]| (pair[1] - pair[0]).abs_diff(Duration::from_secs(2)) < Duration::from_micros(1);
            assert!(times.windows(2).all(even));
        }
    }

    #[test]
    fn with_poisson_arrivals_the_gaps_are_spread_as_chance_spreads_them() {
        let beats: Vec<_> = draw(1, 1000, Arrival::Poisson).beats().collect();
        assert!((14_500..15_500).contains(&beats.len()), "{}", beats.len());
        assert!(beats.is_sorted_by_key(|beat| beat.at));
        let gaps: Vec<f64> = beats.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let ratio = variance.sqrt() / mean;
        assert!((0.95..1.05).contains(&ratio), "the deviation of an exponential distribution is its mean: {ratio}");
        let busiest = (0..1000).map(|user| beats.iter().filter(|beat| beat.user == user).count()).max();
        assert!(busiest > Some(20), "{busiest:?}");
    }

    #[test]
    fn nobody_does_anything_after_the_end() {
        let short = Profile::constant(0.5, Duration::from_millis(500));
        let mut schedule = Schedule::draw(1, &(0..100).collect::<Vec<_>>(), Arrival::Fixed, &short);
        schedule.add_rounds(1, Deed::Ping, Duration::from_millis(100), 0..10);
        let beats: Vec<_> = schedule.beats().collect();
        assert!(beats.iter().all(|beat| beat.at < Duration::from_millis(500)));
        assert_eq!(beats.iter().filter(|beat| beat.deed == Deed::Ping).count(), 50);
        assert_eq!(Schedule::draw(1, &[], Arrival::Poisson, &short).beats().count(), 0);
    }

    #[test]
    fn only_writers_edit() {
        let profile = Profile::constant(0.5, HALF_A_MINUTE);
        for arrival in [Arrival::Fixed, Arrival::Poisson] {
            let beats: Vec<_> = Schedule::draw(1, &[3, 9], arrival, &profile).beats().collect();
            assert!(beats.len() > 10 && beats.iter().all(|beat| beat.user == 3 || beat.user == 9));
        }
    }

    #[test]
    fn what_is_kept_by_two_is_what_one_would_do() {
        let (whole, [mut even, mut odd]) =
            (draw(1, 20, Arrival::Poisson), [(); 2].map(|()| draw(1, 20, Arrival::Poisson)));
        even.keep(|user| user % 2 == 0);
        odd.keep(|user| user % 2 == 1);
        let mut both: Vec<_> = even.beats().chain(odd.beats()).collect();
        both.sort_by_key(|beat| beat.at);
        assert_eq!(both, whole.beats().collect::<Vec<_>>());
        assert!(even.beats().all(|beat| beat.user % 2 == 0) && even.beats().count() > 0);
    }

    #[test]
    fn rounds_come_between_the_edits_and_only_of_those_meant() {
        let mut schedule = draw(1, 20, Arrival::Fixed);
        schedule.add_rounds(2, Deed::Ping, Duration::from_secs(1), [3, 5].into_iter());
        let beats: Vec<_> = schedule.beats().collect();
        assert!(beats.is_sorted_by_key(|beat| beat.at));
        let pings: Vec<_> = beats.iter().filter(|beat| beat.deed == Deed::Ping).collect();
        assert_eq!(pings.len(), 60);
        assert!(pings.iter().all(|ping| ping.user == 3 || ping.user == 5));
    }
}
