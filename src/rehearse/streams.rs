//! Callers drawn at random: Poisson arrivals with a surge, service times and patience.
//!
//! Owns the draws, every one from one seed. Which caller is served when is not known here.

use super::simulate::{Arrival, whole_ms};
use crate::engine::model::{Channel, TierIx};
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp, Exp1, LogNormal};
use rand_pcg::Pcg64Mcg;

/// How long an agent is busy with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// Exponential with this mean, in milliseconds.
    Exponential {
        /// The mean, in milliseconds; above 0.
        mean_ms: f64,
    },
    /// Lognormal: the logarithm of the seconds is normal. Long calls are rare and very long.
    Lognormal {
        /// The mean of the logarithm of the seconds.
        mu: f64,
        /// Its standard deviation; not negative.
        sigma: f64,
    },
}

impl Service {
    /// Draws one handling time, in milliseconds.
    pub fn draw_ms(&self, random: &mut impl Rng) -> f64 {
        match *self {
            Self::Exponential { mean_ms } => mean_ms * Distribution::<f64>::sample(&Exp1, random),
            Self::Lognormal { mu, sigma } => {
                let seconds = LogNormal::new(mu, sigma).expect("a finite mu, a sigma from 0");
                1000.0 * seconds.sample(random)
            }
        }
    }
}

/// The callers of one tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    /// The tier.
    pub tier: TierIx,
    /// How they reach us.
    pub channel: Channel,
    /// How many come an hour; above 0.
    pub per_hour: f64,
    /// How long an agent is busy with one.
    pub service: Service,
    /// The mean of their exponential patience in milliseconds; `None` is endless.
    pub patience_mean_ms: Option<f64>,
}

/// A while in which more callers come than usual, of every tier alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surge {
    /// When it begins, in milliseconds since the start.
    pub from_ms: f64,
    /// When it is over.
    pub until_ms: f64,
    /// How many times as many callers as usual come; at least 1.
    pub factor: f64,
}

/// Poisson arrivals of several streams, without end.
#[derive(Clone, Debug)]
pub struct Poisson {
    streams: Vec<Stream>,
    surge: Option<Surge>,
    random: Pcg64Mcg,
    at_ms: f64,
}

impl Poisson {
    /// The callers of `streams`, of which there is at least one, as `seed` draws them.
    pub fn new(streams: &[Stream], seed: u64) -> Self {
        assert!(!streams.is_empty(), "somebody must call");
        let random = Pcg64Mcg::seed_from_u64(seed);
        Self { streams: streams.to_vec(), surge: None, random, at_ms: 0.0 }
    }

    /// The same with a surge.
    #[must_use]
    pub fn with_surge(self, surge: Surge) -> Self {
        Self { surge: Some(surge), ..self }
    }

    /// The callers of the first `hours` hours.
    pub fn for_hours(self, hours: f64) -> impl Iterator<Item = Arrival> {
        let end_ms = whole_ms(hours * 3_600_000.0);
        self.take_while(move |arrival| arrival.at_ms < end_ms)
    }

    /// Moves to the next arrival. A surge is drawn by thinning (Lewis and Shedler 1979): candidates
    /// come at its rate all the time, and outside of it only one in `factor` is kept.
    fn step(&mut self, per_ms: f64) {
        loop {
            let most = self.surge.map_or(1.0, |surge| surge.factor);
            let gap = Exp::new(per_ms * most).expect("a rate above 0");
            self.at_ms += gap.sample(&mut self.random);
            let inside = |surge: Surge| (surge.from_ms..surge.until_ms).contains(&self.at_ms);
            if self.surge.is_none_or(inside) || self.random.random_bool(1.0 / most) {
                return;
            }
        }
    }
}

impl Iterator for Poisson {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let per_hour: f64 = self.streams.iter().map(|stream| stream.per_hour).sum();
        self.step(per_hour / 3_600_000.0);
        let weights = self.streams.iter().map(|stream| stream.per_hour);
        let stream = self.streams[place_of(weights, &mut self.random)];
        let service_ms = whole_ms(stream.service.draw_ms(&mut self.random));
        let patience = |mean_ms| Service::Exponential { mean_ms }.draw_ms(&mut self.random);
        let patience_ms = stream.patience_mean_ms.map(patience).map(whole_ms);
        Some(Arrival {
            at_ms: whole_ms(self.at_ms),
            tier: stream.tier,
            channel: stream.channel,
            service_ms,
            patience_ms,
        })
    }
}

/// Draws a place, each with the chance that its weight has in the whole. Weights are not negative, and
/// not all are 0.
pub(super) fn place_of(weights: impl Iterator<Item = f64> + Clone, random: &mut impl Rng) -> usize {
    let whole: f64 = weights.clone().sum();
    let drawn = random.random_range(0.0..whole);
    let mut end = 0.0;
    let mut last = 0;
    for (at, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        end += weight;
        last = at;
        if drawn < end {
            break;
        }
    }
    last
}
