//! The distribution of a wait.
//!
//! A ticket is reached after so many *passages*: one for each ticket ahead, one for itself, and one for
//! each agent who must become free before a reserve lets it pass. Hands end their work at the rate
//! `r = hands / handling time`; each time one does, a passage is done, unless work that came meanwhile
//! goes first. With no such work the wait of `N` passages is a sum of exponential times, Erlang's
//! distribution, `N / r` on average (Whitt, Management Science 45, 1999). Work that overtakes at the rate
//! `l` makes it the first passage of a random walk that steps down at `r` and up at `l` (Takács 1962, the
//! delay cycle): mean `N / (r - l)`, variance `N (r + l) / (r - l)^3`. Tickets ahead that hang up at the
//! rate `h` each shorten passage `i` to `1 / (r + i h - l)` (Whitt 1999).
//!
//! The distribution is a gamma with that mean. Its shape is that of the sum (`N`, if nobody hangs up), less
//! what the overtaking adds until then: `N / (1 + 2 l x / N)` at the wait `x`, which at the mean gives that
//! variance. It does not depend on `r`, so that more hands never make a longer wait likelier.

use super::float;
use crate::engine::outlook::Prospect;

/// Of what the hands can do, at most this much is thought to be taken by work that overtakes: beyond it
/// the wait has no end, and a number would mean nothing.
const OVERTAKEN_SHARE_MAX: f64 = 0.95;
/// Passages are added up one by one to this many, and beyond it by an integral.
const SUMMED_MAX: u32 = 64;

/// How often a quantile is improved: by then it moves by less than a thousandth.
const QUANTILE_STEPS: usize = 5;

/// The distribution of a wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage {
    mean_ms: f64,
    /// Of the gamma distribution, if nobody overtakes.
    shape: f64,
    /// Who overtakes, a millisecond.
    overtaking: f64,
}

impl Passage {
    /// The wait that a prospect promises. Somebody must be signed in.
    pub fn of(prospect: &Prospect) -> Self {
        if u64::from(prospect.spare_count) > prospect.ahead_count {
            return Self::exponential(0.0);
        }
        // Who is free but reserved finishes nothing. Someone signed in who neither waits nor works will
        // ask sooner or later.
        let busy = f64::from(prospect.hand_count.saturating_sub(prospect.free_count).max(1));
        let floor = 1.0 - f64::from(prospect.floor_permille.min(900)) / 1000.0;
        let rate = busy / float(prospect.handle_ms) * floor;
        let whole = |count: u64| float(i64::try_from(count).unwrap_or(i64::MAX));
        let overtaking = whole(prospect.overtaking_per_hour_milli) / 3.6e9;
        let drift = rate - overtaking.min(rate * OVERTAKEN_SHARE_MAX);
        let leaving = whole(prospect.hang_ups_per_million_s) / 1e9;
        let own = 1.0 + f64::from(prospect.reserve_gap);
        let ahead = whole(prospect.ahead_count);
        let mut mean_ms = own / drift;
        let mut squares = own / (drift * drift);
        if leaving > 0.0 {
            let summed = u32::try_from(prospect.ahead_count).unwrap_or(u32::MAX).min(SUMMED_MAX);
            for at in 1..=summed {
                let passage_ms = 1.0 / (drift + f64::from(at) * leaving);
                mean_ms += passage_ms;
                squares += passage_ms * passage_ms;
            }
            // The rest in one step: the integrals of 1 / (a + i h) and its square.
            let rest = ahead - f64::from(summed);
            if rest > 0.0 {
                let from = drift + (f64::from(summed) + 0.5) * leaving;
                mean_ms += (rest * leaving / from).ln_1p() / leaving;
                squares += rest / (from * (from + rest * leaving));
            }
        } else {
            mean_ms += ahead / drift;
            squares += ahead / (drift * drift);
        }
        Self { mean_ms, shape: mean_ms * mean_ms / squares, overtaking }
    }

    /// An exponential wait of that mean.
    pub fn exponential(mean_ms: f64) -> Self {
        Self { mean_ms, shape: 1.0, overtaking: 0.0 }
    }

    /// The mean, in milliseconds.
    pub fn mean_ms(&self) -> f64 {
        self.mean_ms
    }

    /// The wait that is not exceeded in this share of all cases, above 0 and below 1, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let normal = normal_quantile(share);
        let improved = |ms: f64| {
            let ninth = self.ninth(ms);
            self.mean_ms * (1.0 - ninth + normal * ninth.sqrt()).max(0.0).powi(3)
        };
        (0..QUANTILE_STEPS).fold(self.mean_ms, |ms, _| improved(ms))
    }

    /// The probability of a wait of more than `ms`.
    pub fn longer_than(&self, ms: f64) -> f64 {
        if self.mean_ms <= 0.0 {
            return f64::from(u8::from(ms < 0.0));
        }
        if ms <= 0.0 {
            return 1.0;
        }
        let ninth = self.ninth(ms);
        let root = (ms / self.mean_ms).cbrt();
        normal_beyond((root - 1.0 + ninth) / ninth.sqrt())
    }

    /// Wilson and Hilferty (1931): the cube root of a gamma distribution is nearly normal, with this
    /// variance. Off by 1 % at the worst.
    fn ninth(&self, ms: f64) -> f64 {
        // Nobody is reached before one passage: never more often soon than an exponential wait is.
        let shape = self.shape / (1.0 + 2.0 * self.overtaking * ms / self.shape);
        1.0 / (9.0 * shape.max(1.0))
    }
}

/// Where the normal distribution has this share below it: Abramowitz and Stegun (1964), 26.2.23, off by
/// less than 0.00045.
fn normal_quantile(share: f64) -> f64 {
    let tail = share.min(1.0 - share);
    let t = (-2.0 * tail.ln()).sqrt();
    let upper = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let lower = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let z = t - upper / lower;
    if share < 0.5 { -z } else { z }
}

/// The share of the normal distribution beyond `z`: Abramowitz and Stegun (1964), 26.2.17, off by less
/// than 7.5e-8.
fn normal_beyond(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = 1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429);
    let series = t * (0.319_381_530 + t * (-0.356_563_782 + t * series));
    let tail = (-z * z / 2.0).exp() * 0.398_942_280_401 * series;
    if z < 0.0 { 1.0 - tail } else { tail }
}
