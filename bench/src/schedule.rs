//! When who edits. Drawn from the seed before the run, so that a slow server cannot slow the load down.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// An open-loop schedule: each user edits at a fixed period, from a random phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    period: Duration,
    duration: Duration,
    /// Phase and user, in the order of the phases.
    phases: Vec<(Duration, usize)>,
}

/// An intended edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When, from the beginning of the editing.
    pub at: Duration,
    /// Who.
    pub user: usize,
}

impl Schedule {
    /// Draws a phase for each user.
    pub fn draw(seed: u64, users: usize, period: Duration, duration: Duration) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1);
        let mut phases: Vec<_> =
            (0..users).map(|user| (Duration::from_nanos(random.random_range(0..period_ns)), user)).collect();
        phases.sort_unstable();
        Self { period, duration, phases }
    }

    /// Every intended edit before the end, in the order of time.
    pub fn arrivals(&self) -> impl Iterator<Item = Arrival> + '_ {
        let rounds = self.duration.as_nanos() / self.period.as_nanos().max(1) + 1;
        (0..u32::try_from(rounds).unwrap_or(u32::MAX))
            .flat_map(move |round| {
                self.phases.iter().map(move |&(phase, user)| Arrival { at: phase + self.period * round, user })
            })
            .take_while(|arrival| arrival.at < self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(2);

    #[test]
    fn a_seed_gives_one_schedule_and_another_seed_another() {
        let draw = |seed| Schedule::draw(seed, 50, PERIOD, Duration::from_secs(30));
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn every_user_edits_at_its_period_and_never_faster() {
        let schedule = Schedule::draw(1, 20, PERIOD, Duration::from_secs(30));
        let arrivals: Vec<_> = schedule.arrivals().collect();
        assert_eq!(arrivals.len(), 20 * 15);
        assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
        for user in 0..20 {
            let times: Vec<_> = arrivals.iter().filter(|a| a.user == user).map(|a| a.at).collect();
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == PERIOD));
        }
    }

    #[test]
    fn nobody_edits_after_the_end() {
        let schedule = Schedule::draw(1, 100, PERIOD, Duration::from_millis(500));
        assert!(schedule.arrivals().count() < 100);
        assert!(schedule.arrivals().all(|arrival| arrival.at < Duration::from_millis(500)));
        assert_eq!(Schedule::draw(1, 0, PERIOD, PERIOD).arrivals().count(), 0);
    }
}
