//! How a tier measures time: the hours its clocks run in, what urgency makes of its targets, and its
//! ladder.

use super::escalation::Escalation;
use super::hours::HoursIx;

/// How soon a ticket matters, as its submitter or an agent judges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// It can wait.
    Low,
    /// As the tier promises.
    #[default]
    Normal,
    /// It should go faster.
    High,
    /// Somebody's work stands still.
    Critical,
}

impl Urgency {
    /// Every urgency, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// The urgency's name in policies and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The urgency's place in [`Urgency::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// How a tier measures time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The hours in which the clocks of each channel run, in the order of the channels; `None`: always.
    pub hours: [Option<HoursIx>; 6],
    /// What each urgency makes of both targets, in thousandths, in the order of [`Urgency::ALL`]. Never
    /// more for a higher urgency; 1000 for `Normal`.
    pub urgency_permille: [u32; 4],
    /// What happens to a ticket that nobody picks up, in order. At most
    /// [`ESCALATIONS_MAX`](super::escalation::ESCALATIONS_MAX).
    pub escalation: Vec<Escalation>,
}

impl Default for Timing {
    /// Clocks that always run, urgencies that change nothing, and no ladder.
    fn default() -> Self {
        Self { hours: [None; 6], urgency_permille: [1000; 4], escalation: Vec::new() }
    }
}

impl Timing {
    /// A target as that urgency makes it, in milliseconds; at least 1.
    pub fn scaled(&self, target_ms: i64, urgency: Urgency) -> i64 {
        ratio_of(target_ms, self.urgency_permille[urgency.index()], 1000).max(1)
    }
}

/// `value` times `numerator` / `denominator`, rounded down; stops at the end of the range.
pub(super) fn ratio_of(value: i64, numerator: u32, denominator: u32) -> i64 {
    let product = i128::from(value) * i128::from(numerator) / i128::from(denominator.max(1));
    i64::try_from(product).unwrap_or(i64::MAX)
}
