//! What is learnt of the flow of work, for forecasts: how much of each tier and channel the agents of a
//! pool take, how patient callers are, how long the last one waited. No rule reads it.

use super::model::{Channel, Policy, PoolSet, TierIx, Time};
use std::collections::BTreeMap;

/// What is counted over: half an hour, long enough for a few calls of a small tier, short enough to
/// follow the day.
pub const WINDOW_MS: i64 = 1_800_000;
/// A rate is told from this much of a window at least: one call a second ago is not 3,600 an hour.
const OBSERVED_MS_MIN: i64 = 180_000;
/// So many hang-ups are remembered at most; then half of all is forgotten, so that old habits fade.
const HANG_UPS_MAX: u32 = 400;
/// Fewer hang-ups than this say nothing of patience.
const HANG_UPS_KNOWN: u32 = 5;
/// Waits are summed up to this, in milliseconds: about 35,000 years.
const WAITED_MS_MAX: i64 = 1 << 50;

/// How many came in the last half hour or so: those of this half hour on the clock, and of the one
/// before the part that is not longer ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// When counting began after nothing had come for long.
    pub since: Time,
    /// The half hour that `count` is of, counted from the epoch.
    pub slot: i64,
    /// How many came in it.
    pub count: u32,
    /// How many came in the one before.
    pub count_before: u32,
}

impl Window {
    /// One came at `at`, which is not before the last.
    fn add(&mut self, at: Time) {
        let slot = at.0.div_euclid(WINDOW_MS);
        if slot != self.slot {
            self.count_before = if slot == self.slot + 1 { self.count } else { 0 };
            self.count = 0;
            self.slot = slot;
        }
        if self.count == 0 && self.count_before == 0 {
            self.since = at;
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many an hour, in thousandths, as of `now`.
    pub fn per_hour_milli(&self, now: Time) -> u64 {
        let slots = now.0.div_euclid(WINDOW_MS) - self.slot;
        let into_ms = now.0.rem_euclid(WINDOW_MS);
        let (count, before) = match slots {
            0 => (self.count, self.count_before),
            1 => (0, self.count),
            _ => return 0,
        };
        let counted_ms = i64::from(count) * WINDOW_MS + i64::from(before) * (WINDOW_MS - into_ms);
        let observed_ms = now.since_ms(self.since).clamp(OBSERVED_MS_MIN, WINDOW_MS);
        let hourly = i128::from(counted_ms) * 2000 / i128::from(observed_ms);
        u64::try_from(hourly).unwrap_or(0)
    }
}

/// What is known of the waits of one tier and channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// The sum of the waits until pick-up or hang-up, in milliseconds.
    pub waited_ms: i64,
    /// How many of them ended with a hang-up.
    pub hung_up_count: u32,
    /// How long the one who was picked up last had waited, in milliseconds.
    pub last_wait_ms: i64,
    /// When that was; the epoch if nobody has been.
    pub last_at: Time,
}

impl Waits {
    fn end(&mut self, wait_ms: i64, hung_up: bool) {
        self.waited_ms = self.waited_ms.saturating_add(wait_ms);
        self.hung_up_count += u32::from(hung_up);
        if self.hung_up_count > HANG_UPS_MAX || self.waited_ms > WAITED_MS_MAX {
            self.waited_ms /= 2;
            self.hung_up_count /= 2;
        }
    }

    /// How many of a million callers who wait hang up in a second; 0 while too few have.
    pub fn hang_ups_per_million_s(&self) -> u64 {
        if self.hung_up_count < HANG_UPS_KNOWN {
            return 0;
        }
        let waited_ms = u64::try_from(self.waited_ms).unwrap_or(0).max(1);
        u64::from(self.hung_up_count) * 1_000_000_000 / waited_ms
    }
}

/// A kind of work: a tier and a channel.
pub type Kind = (TierIx, Channel);

/// All that is learnt of the flow of work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Pick-ups by agents of each pool, in the policy's order.
    pub taken: Vec<BTreeMap<Kind, Window>>,
    /// Waits, by tier and channel.
    pub waits: BTreeMap<Kind, Waits>,
}

impl Flow {
    /// An agent of `pools` took work of that kind, after `first_wait_ms` if nobody had before.
    pub(super) fn took(
        &mut self,
        at: Time,
        kind: Kind,
        pools: PoolSet,
        first_wait_ms: Option<i64>,
    ) {
        for pool in pools.iter() {
            self.taken[usize::from(pool.0)].entry(kind).or_default().add(at);
        }
        if let Some(wait_ms) = first_wait_ms {
            let waits = self.waits.entry(kind).or_default();
            waits.end(wait_ms, false);
            waits.last_wait_ms = wait_ms;
            waits.last_at = at;
        }
    }

    /// A caller of that kind gave up before anyone picked up.
    pub(super) fn hung_up(&mut self, kind: Kind, wait_ms: i64) {
        self.waits.entry(kind).or_default().end(wait_ms, true);
    }

    /// What is known of the waits of that kind.
    pub fn waits(&self, kind: Kind) -> Waits {
        self.waits.get(&kind).copied().unwrap_or_default()
    }

    /// The same under another policy: what is learnt goes with the names.
    #[must_use]
    pub(super) fn re_keyed(&self, old: &Policy, new: &Policy) -> Self {
        let kind = |(tier, channel): Kind| {
            new.tier_named(&old.tier(tier).name).map(|tier| (tier, channel))
        };
        let taken = new.pools.iter().map(|pool| {
            let known = old.pool_named(&pool.name).map(|ix| &self.taken[usize::from(ix.0)]);
            let known = known.into_iter().flatten();
            known.filter_map(|(at, window)| Some((kind(*at)?, *window))).collect()
        });
        let waits = self.waits.iter().filter_map(|(at, waits)| Some((kind(*at)?, *waits)));
        Self { taken: taken.collect(), waits: waits.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn a_rate_is_what_came_in_the_last_half_hour() {
        let mut window = Window::default();
        // One a minute for four hours.
        for minute in 0..240 {
            window.add(Time(minute * MINUTE));
        }
        for now in [239 * MINUTE, 240 * MINUTE - 1] {
            let hourly = window.per_hour_milli(Time(now));
            assert!((58_000..=62_000).contains(&hourly), "{hourly}");
        }
        assert_eq!(window.per_hour_milli(Time(300 * MINUTE)), 0);
    }

    #[test]
    fn a_rate_begins_with_the_first_and_is_not_diluted_by_the_night_before() {
        let mut window = Window::default();
        for minute in 1440..1450 {
            window.add(Time(minute * MINUTE));
        }
        let hourly = window.per_hour_milli(Time(1450 * MINUTE));
        assert!((58_000..=62_000).contains(&hourly), "{hourly}");
        let mut single = Window::default();
        single.add(Time(5 * MINUTE));
        assert_eq!(single.per_hour_milli(Time(5 * MINUTE)), 20_000, "one in three minutes at most");
    }

    #[test]
    fn patience_is_the_waits_of_all_over_the_hang_ups() {
        let mut waits = Waits::default();
        for nth in 0..4000 {
            waits.end(50_000, nth % 4 == 0);
        }
        // 200 s of waiting for each hang-up.
        let rate = waits.hang_ups_per_million_s();
        assert!((4950..=5050).contains(&rate), "{rate}");
        assert!(waits.hung_up_count <= HANG_UPS_MAX);
    }
}
