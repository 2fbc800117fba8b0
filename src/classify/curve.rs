//! The Pareto curve: what the best customers bring together, and the next, down to the last.

/// Steps of a curve with more customers than that.
const STEPS_MAX: u64 = 200;

/// The best customers up to one place, and what they bring together, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// How many they are.
    pub customer_count: u64,
    /// Their margin.
    pub margin: i128,
    /// Their revenue.
    pub revenue: i128,
}

/// Points from nobody to everybody, evenly spaced; at most 201.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curve(Vec<Point>);

/// The curve of so many customers, each with margin and revenue, by falling margin.
pub(super) fn of(amounts: impl Iterator<Item = (i64, i64)>, count: u64) -> Curve {
    let steps = count.min(STEPS_MAX);
    let mut points = vec![Point::default()];
    let mut sum = Point::default();
    for (margin, revenue) in amounts {
        sum.customer_count += 1;
        sum.margin += i128::from(margin);
        sum.revenue += i128::from(revenue);
        let next = count * points.len() as u64 / steps;
        if sum.customer_count == next {
            points.push(sum);
        }
    }
    Curve(points)
}

impl Curve {
    /// The points, from nobody to everybody.
    pub fn points(&self) -> &[Point] {
        &self.0
    }

    /// Everybody.
    pub fn whole(&self) -> Point {
        self.0.last().copied().unwrap_or_default()
    }

    /// The curve in per mille of everybody, or nothing where the margins add up to nothing or less.
    pub(super) fn shares(&self) -> Option<Vec<Share>> {
        let whole = self.whole();
        let share = |part: i128, whole: i128| if whole > 0 { part * 1000 / whole } else { 0 };
        let shares = self.0.iter().map(|point| Share {
            customers: share(point.customer_count.into(), whole.customer_count.into()),
            margin: share(point.margin, whole.margin),
            revenue: share(point.revenue, whole.revenue).max(0),
        });
        (whole.margin > 0).then(|| shares.collect())
    }

    /// The end of the upright axis in per mille: the highest point in steps of 200. Customers who cost more
    /// than they bring take the sum down again from above 1000.
    pub(super) fn top(shares: &[Share]) -> i128 {
        let peak = shares.iter().map(|share| share.margin.max(share.revenue)).max().unwrap_or(0);
        (peak.max(1000) + 199) / 200 * 200
    }
}

/// A point of the curve in per mille of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) customers: i128,
    pub(super) margin: i128,
    pub(super) revenue: i128,
}
