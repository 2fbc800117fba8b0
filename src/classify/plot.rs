//! The Pareto curve in characters, at most 80 columns wide.

use super::curve::{Curve, Share};
use super::outcome::Outcome;
use std::fmt::Write as _;

/// Columns between the axes.
const WIDTH: usize = 64;
/// Lines between the axes.
const HEIGHT: usize = 17;
/// Steps of the upright axis.
const STEPS: usize = 4;

/// The curve with its axes, a line each, the last with a newline.
pub fn plot(outcome: &Outcome) -> String {
    let Some(shares) = outcome.curve.shares() else {
        return "no curve: the margins add up to nothing or less\n".to_owned();
    };
    let top = Curve::top(&shares);
    let mut field = [[' '; WIDTH]; HEIGHT];
    let count = outcome.curve.whole().customer_count;
    for boundary in &outcome.boundaries {
        let column = scaled(boundary.customer_count.into(), count.into(), WIDTH);
        for line in &mut field {
            line[column] = ':';
        }
    }
    let values = (0..WIDTH).map(|column| at_column(&shares, column));
    for (column, (margin, revenue)) in values.enumerate() {
        for (value, mark) in [(revenue, '.'), (margin, '*')] {
            field[HEIGHT - 1 - scaled(value, top, HEIGHT)][column] = mark;
        }
    }
    let mut text = String::from("  share of the whole (* margin, . revenue, : end of a class)\n");
    for (at, line) in field.iter().enumerate() {
        let label = if (at * STEPS).is_multiple_of(HEIGHT - 1) {
            let level = (HEIGHT - 1 - at) as i128 * top / (HEIGHT as i128 - 1);
            format!("{} %", level / 10)
        } else {
            String::new()
        };
        let line: String = line.iter().collect();
        let _ = writeln!(text, "{label:>8} |{}", line.trim_end());
    }
    let _ = writeln!(text, "{:>8} +{}", "", "-".repeat(WIDTH));
    let _ = writeln!(text, "{:>10}0 %{:>31}{:>30}", "", "50 %", "100 %");
    let _ = writeln!(text, "{:>10}of the customers, the largest margin first", "");
    text
}

/// Margin and revenue at a column, on the line from the point before it to the one after it.
fn at_column(shares: &[Share], column: usize) -> (i128, i128) {
    let steps = shares.len() - 1;
    let (at, rest) = (column * steps / (WIDTH - 1), column * steps % (WIDTH - 1));
    let (from, to) = (shares[at], shares[(at + 1).min(steps)]);
    let between = |from: i128, to: i128| from + (to - from) * rest as i128 / (WIDTH as i128 - 1);
    (between(from.margin, to.margin), between(from.revenue, to.revenue))
}

/// The place of `value` of `top` among `places`, from 0.
fn scaled(value: i128, top: i128, places: usize) -> usize {
    let last = places as i128 - 1;
    let at = (value * last * 2 + top) / (top * 2);
    usize::try_from(at.clamp(0, last)).expect("it is a place")
}
